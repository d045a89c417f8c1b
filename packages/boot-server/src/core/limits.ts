/** What the service takes on before it says no. */
export interface Limits {
  /** Default 4096. */
  maxEntries: number;
  /** Network cards of one machine. Default 16. */
  maxMacs: number;
  /** Default 32. */
  maxInitrds: number;
  /** Files in the overlay of an entry. Default 256. */
  maxFiles: number;
  /** All files of an overlay together, in bytes. Default 4 MiB. */
  maxOverlayBytes: number;
  /** The paths of the files of an overlay together: they are kept in memory. Default 32 KiB. */
  maxPathBytes: number;
  /** The whole command line that a kernel gets, in characters. Default 2047, the most that x86 and arm64 kernels take. */
  maxKernelArguments: number;
  /** Default 16 GiB. */
  maxAssetBytes: number;
  /** Default 4096. */
  maxAssets: number;
  /** What has to stay free on the disk when an asset is uploaded, in bytes. Default 256 MiB. */
  minFreeBytes: number;
  /** Machines without an entry that are remembered. Default 256. */
  maxUnknown: number;
  /** Of them, those that were last seen at one address. Default 32. */
  maxUnknownPerAddress: number;
  /** Events that watchers can go back to. Default 1000. */
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
