# The options that select one disk of a machine.
{ lib }:
{
  disk,
  minBytes ? null,
}:
let
  inherit (lib) mkOption types;
in
{
  byId = mkOption {
    type = types.nullOr (types.strMatching "[^/]+" // { description = "name without a slash"; });
    default = null;
    example = "nvme-Samsung_SSD_980_1TB_S64ANS0T123456";
    description = "The name of ${disk}, in `/dev/disk/by-id`.";
  };
  serial = mkOption {
    type = types.nullOr types.nonEmptyStr;
    default = null;
    description = "The serial number of ${disk}.";
  };
  minBytes = mkOption {
    type = types.nullOr types.ints.positive;
    default = minBytes;
    description = "The smallest size of ${disk}, in bytes.";
  };
  maxBytes = mkOption {
    type = types.nullOr types.ints.positive;
    default = null;
    description = "The largest size of ${disk}, in bytes.";
  };
}
