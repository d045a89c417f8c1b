/** The limits of the service. A request that exceeds one is refused. */
export interface Limits {
  /** Default 4096. */
  maxEntries: number;
  /** The number of network cards of one machine. Default 16. */
  maxMacs: number;
  /** Default 32. */
  maxInitrds: number;
  /** The number of files in the overlay of an entry. Default 256. */
  maxFiles: number;
  /** The total size of the files of an overlay, in bytes. Default 4 MiB. */
  maxOverlayBytes: number;
  /** The total length of the paths of an overlay's files, in bytes. They are kept in memory. Default 32 KiB. */
  maxPathBytes: number;
  /** The length of a kernel's command line, in characters. Default 2047, the limit of x86 and arm64 kernels. */
  maxKernelArguments: number;
  /** Default 16 GiB. */
  maxAssetBytes: number;
  /** Default 4096. */
  maxAssets: number;
  /** The space that must stay free on the disk after an upload, in bytes. Default 256 MiB. */
  minFreeBytes: number;
  /** The number of machines without an entry that are remembered. Default 256. */
  maxUnknown: number;
  /** The number of those machines that were last seen at the same IP address. Default 32. */
  maxUnknownPerAddress: number;
  /** The number of past events that watchers can request. Default 1000. */
  maxRecentEvents: number;
  /** An asset that no entry needs is removed after this many seconds. Default 3600. */
  assetGraceSeconds: number;
}

export const DEFAULT_LIMITS: Limits = {
  maxEntries: 4096,
  maxMacs: 16,
  maxInitrds: 32,
  maxFiles: 256,
  maxOverlayBytes: 4 * 1024 * 1024,
  maxPathBytes: 32 * 1024,
  maxKernelArguments: 2047,
  maxAssetBytes: 16 * 1024 ** 3,
  maxAssets: 4096,
  minFreeBytes: 256 * 1024 * 1024,
  maxUnknown: 256,
  maxUnknownPerAddress: 32,
  maxRecentEvents: 1000,
  assetGraceSeconds: 3600,
};
