/** Waits for work on a file. An error of an open file does not say which file it is: its message gets the path. */
export async function naming<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && "code" in error && !error.message.includes(path)) {
      error.message += ` '${path}'`;
    }
    throw error;
  }
}
