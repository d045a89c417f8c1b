# Asks this machine for its number of CPUs, and writes it to a file.
{
  inputs,
  members,
  providers,
  ...
}:
{
  providers.local = inputs.nixops4-providers.modules.nixops4Provider.local;

  members.hardware = {
    type = providers.local.exec;
    inputs = {
      executable = "sh";
      args = [
        "-c"
        ''echo "{\"cpus\": $(nproc)}"''
      ];
      parseJson = true;
      timeoutSeconds = 10;
    };
  };

  members.hardware_file = {
    type = providers.local.file;
    inputs.name = "/var/lib/nixops4/example/hardware.json";
    inputs.contents = builtins.toJSON members.hardware.outputs.json;
  };
}
