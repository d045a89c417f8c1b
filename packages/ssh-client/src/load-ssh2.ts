/** Loads ssh2 at the first connection, since loading takes long. */
export async function loadSsh2() {
  return (await import("ssh2")).default;
}
