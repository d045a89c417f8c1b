# A stand-in for nixpkgs' fetchPnpmDeps, which refuses the same arguments.
{ lib, build }:
{
  pname,
  src,
  version,
  hash,
  pnpm,
  fetcherVersion,
}@attrs:
assert lib.assertMsg (lib.elem fetcherVersion [
  3
  4
]) "fetchPnpmDeps: fetcherVersion ${toString fetcherVersion} is none that nixpkgs knows";
assert lib.assertMsg (
  fetcherVersion == 3 -> lib.versionOlder pnpm.version "11"
) "fetchPnpmDeps: fetcherVersion 3 is for pnpm 10";
assert lib.assertMsg (
  lib.match "sha256-[A-Za-z0-9+/]{43}=" hash != null
) "fetchPnpmDeps: hash ${hash}";
build attrs
