# The files that `npm run build` writes to dist/: one for each provider and service, which only needs Node.
{
  lib,
  stdenvNoCC,
  fetchPnpmDeps,
  nodejs_24,
  pnpmConfigHook,
  pnpm_10,
}:
let
  root = ../..;
  files = [
    "e2e/package.json"
    "package.json"
    "packages"
    "pnpm-lock.yaml"
    "pnpm-workspace.yaml"
    "scripts"
    "tsconfig.base.json"
    "tsconfig.json"
  ];
  isNeeded =
    path: _:
    let
      relative = lib.removePrefix "${toString root}/" path;
      isOn = file: lib.hasPrefix "${file}/" "${relative}/" || lib.hasPrefix "${relative}/" file;
    in
    baseNameOf path != "node_modules" && lib.any isOn files;
in
stdenvNoCC.mkDerivation (finalAttrs: {
  pname = "nixops4-providers-bundles";
  inherit (lib.importJSON (root + "/package.json")) version;
  src = lib.cleanSourceWith {
    name = "nixops4-providers";
    src = root;
    filter = isNeeded;
  };

  # The hash comes from scripts/pnpm-deps-hash.ts.
  pnpmDeps = fetchPnpmDeps {
    inherit (finalAttrs) pname version src;
    inherit (lib.importJSON ./pnpm-deps.json) fetcherVersion hash;
    pnpm = pnpm_10;
  };
  nativeBuildInputs = [
    nodejs_24
    pnpmConfigHook
    pnpm_10
  ];

  buildPhase = ''
    runHook preBuild
    node --import tsx scripts/build.ts
    runHook postBuild
  '';
  installPhase = ''
    runHook preInstall
    mkdir $out
    cp -r dist/bin dist/THIRD-PARTY-LICENSES $out
    runHook postInstall
  '';
  # The wrappers select the Node.
  dontFixup = true;
  allowedReferences = [ ];
  meta = {
    description = "The executables of nixops4-providers, each one file";
    homepage = "https://nixops.dev";
    license = lib.licenses.mit;
    maintainers = [ ];
    platforms = lib.platforms.linux;
  };
})
