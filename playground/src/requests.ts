/** GraphQL over HTTP. */

export interface GraphQLRequest {
  query: string;
  variables?: Record<string, unknown> | undefined;
  operationName?: string | null | undefined;
}

export interface AnswerError {
  message: string;
  extensions?: { code?: string };
}

export interface Answer {
  data?: Record<string, unknown> | null;
  errors?: AnswerError[];
}

/** A response, with the time of the server's clock, if known. */
export interface Reply {
  answer: Answer;
  serverTime: number;
}

export type Headers = Record<string, string>;
export type Send = (request: GraphQLRequest, headers?: Headers, wait?: number) => Promise<Reply>;

const LONGEST_WAIT = 60_000;

/** Sends a request; every failure becomes a response that GraphiQL can show. */
export async function send(
  request: GraphQLRequest,
  headers: Headers = {},
  wait = LONGEST_WAIT,
): Promise<Reply> {
  try {
    const response = await fetch(location.pathname, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json', ...headers },
      body: JSON.stringify(withoutNull(request)),
      signal: AbortSignal.timeout(wait),
    });
    return { answer: await answerOf(response), serverTime: serverTimeOf(response) };
  } catch (error) {
    return { answer: failure(error), serverTime: Date.now() };
  }
}

export function hasError(answer: Answer, code: string): boolean {
  return answer.errors?.some((error) => error.extensions?.code === code) ?? false;
}

const withoutNull = ({ operationName, ...request }: GraphQLRequest) => ({
  ...request,
  ...(operationName && { operationName }),
});

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  try {
    const answer: unknown = JSON.parse(text);
    if (isAnswer(answer)) return answer;
  } catch {
    // Not JSON: an error page of a proxy, for example.
  }
  const status = `${response.status} ${response.statusText}`.trim();
  return { errors: [{ message: `The response is not GraphQL. Its status is ${status}.` }] };
}

function isAnswer(value: unknown): value is Answer {
  if (!isObject(value)) return false;
  const { errors } = value as { errors?: unknown };
  return errors === undefined || (Array.isArray(errors) && errors.every(isObject));
}

const isObject = (value: unknown) => typeof value === 'object' && value !== null;

function serverTimeOf(response: Response): number {
  const time = Date.parse(response.headers.get('Date') ?? '');
  return Number.isNaN(time) ? Date.now() : time;
}

function failure(error: unknown): Answer {
  const isLate = error instanceof DOMException && error.name === 'TimeoutError';
  const message = isLate
    ? 'The server has not answered in time.'
    : 'The server cannot be reached. Is it running?';
  return { errors: [{ message }] };
}
