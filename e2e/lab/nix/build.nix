# Builds a derivation without nixpkgs: the host's shell runs `commands`, which make $out. Needs `sandbox = false`.
name: commands:
derivation {
  inherit name;
  system = "x86_64-linux";
  builder = "/bin/sh";
  PATH = "/usr/bin:/bin";
  args = [
    "-euc"
    commands
  ];
}
