# Arithmetic with IP addresses, to find mistakes in options.
{ lib }:
let
  inherit (import ./types.nix { inherit lib; }) ipv4;

  isV4 = ipv4.check;

  # Returns the parts of a valid address, and the number of bits of each part.
  parse =
    address:
    if isV4 address then
      {
        bits = 8;
        parts = map lib.toInt (lib.splitString "." address);
      }
    else
      {
        bits = 16;
        parts = map lib.fromHexString (lib.splitString ":" (lib.network.ipv6.fromString address).address);
      };

  power = exponent: lib.foldl' (product: _: product * 2) 1 (lib.range 1 exponent);
in
rec {
  inherit isV4;

  isAddress = address: isV4 address || (builtins.tryEval (lib.deepSeq (parse address) true)).value;

  # Returns whether two addresses are of the same family, with the same first `prefixLength` bits.
  inSameNetwork =
    prefixLength: one: other:
    let
      inherit (parse one) bits parts;
      heads =
        parts:
        lib.imap0 (
          index: part: part / power (lib.max 0 (lib.min bits (bits * (index + 1) - prefixLength)))
        ) parts;
    in
    isV4 one == isV4 other && heads parts == heads (parse other).parts;

  isSame = inSameNetwork 128;

  # Returns whether `one` is before `other`, for addresses of the same family.
  isBefore = one: other: lib.compareLists lib.compare (parse one).parts (parse other).parts < 0;
}
