# Checks that each executable starts, without the build environment.
{ pkgs, self }:
let
  packages = self.packages.${pkgs.stdenv.hostPlatform.system};
in
pkgs.runCommand "executables" { } ''
  for executable in ${packages.default}/bin/nixops4-resources-*; do
    echo '{}' | env --ignore-environment "$executable" | grep errorResponse
  done
  env --ignore-environment ${packages.boot-server}/bin/nixops4-boot-server config-schema | grep '"tftp"'
  touch $out
''
