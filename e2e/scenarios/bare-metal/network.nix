# The network of templates/default, for the lab.
{
  self,
  lib,
  nixpkgs,
  # See deployment.ts for these arguments.
  folder,
  socket,
  cache,
  installer,
  dns,
  hosts,
  text,
  command,
}:
{
  imports = [ self.modules.nixops4Component.network ];
  inherit nixpkgs dns;

  proxmoxMACs = hosts;

  roles.proxmox = {
    imports = [ ../../../templates/default/roles/proxmox.nix ];
    environment.etc.text.text = text;
  };

  defaults =
    {
      config,
      members,
      providers,
      ...
    }:
    {
      nixos.module = ../../../templates/default/disk.nix;
      disk.minBytes = 1000000000;
      keyFolder = "${folder}/keys";
      server = { inherit socket; };
      inherit installer;

      # Emulated machines can be slow to answer.
      members.ssh_host_public_key.inputs.connection.connectTimeoutSeconds = 60;
      members.nixos.inputs.connection.connectTimeoutSeconds = 60;

      # The last member of a host: the machine reports the system that it runs. More members of a machine can be
      # declared here, such as virtual machines on a Proxmox host.
      members.runs = {
        type = providers.ssh.exec;
        inputs = {
          # Expects the machine's own host key.
          inherit (config.members.nixos.inputs) connection;
          inherit command;
          env.GENERATION = toString members.nixos.outputs.generation;
        };
      };
    };

  stateFile = "${folder}/state.json";
  deployKeyFile = "${folder}/deploy_key";
  landscaper = { inherit cache; };
}
