/** Answers one line of a provider's input, as `answer` of the SDK does. */
type Answer = (line: string, signal: AbortSignal) => Promise<object>;

const TITLE = "invalid inputs for resource type ";

/**
 * Returns what a provider refuses in the inputs of a resource, each as `path: message`; nothing when it accepts them. The
 * resource is not created: the request is aborted from its start.
 */
export async function refusedInputs(answer: Answer, type: string, inputs: object): Promise<string[]> {
  const request = { createResourceRequest: { type, inputProperties: inputs, isStateful: true } };
  const response = await answer(JSON.stringify(request), AbortSignal.abort(new Error("not to be created")));
  const { errorResponse } = response as { errorResponse?: { message: string } };
  if (errorResponse === undefined) return [];
  const [title = "", ...lines] = errorResponse.message.split("\n");
  return title.startsWith(TITLE) ? lines.map((line) => line.trim()) : [];
}
