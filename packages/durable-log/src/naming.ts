/** Waits for work on an open file, and adds the path to the message of its error, which does not have it. */
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
