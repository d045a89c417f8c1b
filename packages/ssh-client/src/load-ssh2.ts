/** ssh2 takes long to load: only what connects pays for it. */
export async function loadSsh2() {
  return (await import("ssh2")).default;
}
