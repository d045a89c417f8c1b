# One executable: its bundle, run by a Node without npm, with the programs that it starts on its PATH.
{
  lib,
  stdenvNoCC,
  makeBinaryWrapper,
  nodejs-slim_24,
  bundles,
  executable,
  description,
  tools,
}:
stdenvNoCC.mkDerivation {
  pname = executable;
  inherit (bundles) version;
  dontUnpack = true;
  nativeBuildInputs = [ makeBinaryWrapper ];
  installPhase = ''
    runHook preInstall
    install -D -m 444 ${bundles}/bin/${executable} $out/libexec/${executable}
    install -D -m 444 -t $out/share/doc/${executable} ${bundles}/THIRD-PARTY-LICENSES
    makeWrapper ${nodejs-slim_24}/bin/node $out/bin/${executable} \
      --add-flags $out/libexec/${executable} \
      ${lib.optionalString (tools != [ ]) "--prefix PATH : ${lib.makeBinPath tools}"}
    runHook postInstall
  '';
  # Its `#!/usr/bin/env node` is not what starts it.
  dontPatchShebangs = true;
  meta = bundles.meta // {
    inherit description;
    mainProgram = executable;
  };
}
