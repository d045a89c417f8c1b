# The sandbox for all oneshot services of the landscaper, which run as root. Each service adds further restrictions.
{
  LockPersonality = true;
  MemoryDenyWriteExecute = true;
  NoNewPrivileges = true;
  PrivateTmp = true;
  ProtectClock = true;
  ProtectControlGroups = true;
  ProtectHostname = true;
  ProtectKernelLogs = true;
  ProtectKernelModules = true;
  ProtectKernelTunables = true;
  RestrictNamespaces = true;
  RestrictRealtime = true;
  RestrictSUIDSGID = true;
  SystemCallArchitectures = "native";
  # Denied calls fail, since with a signal, sed and other programs that cannot change an owner would be killed.
  SystemCallErrorNumber = "EPERM";
}
