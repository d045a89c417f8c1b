/** Answers one line of the line protocol, like `answer` of the SDK. */
type Answer = (line: string, signal: AbortSignal) => Promise<object>;

const TITLE = "invalid inputs for resource type ";

/**
 * Returns the violations in the inputs of a resource, each as `path: message`; an empty list when they are valid. The
 * resource is not created, since the request is aborted from the start.
 */
export async function refusedInputs(answer: Answer, type: string, inputs: object): Promise<string[]> {
  const request = { createResourceRequest: { type, inputProperties: inputs, isStateful: true } };
  const response = await answer(JSON.stringify(request), AbortSignal.abort(new Error("not to be created")));
  const { errorResponse } = response as { errorResponse?: { message: string } };
  if (errorResponse === undefined) return [];
  const [title = "", ...lines] = errorResponse.message.split("\n");
  return title.startsWith(TITLE) ? lines.map((line) => line.trim()) : [];
}
