import type { ErrorCode, FieldReason } from './__generated__/enums';

/** The `extensions` of an error: docs/errors.md. */
interface Extensions {
  code?: ErrorCode;
  fields?: { field: string; reason: FieldReason; limit?: number }[];
  retryAfter?: number;
  requestId?: string;
}

export interface GraphQLResult<Data = Record<string, unknown>> {
  data?: Data | null;
  errors?: readonly { extensions?: Extensions }[];
}

/** What a form says in its own words. */
export type Messages = Partial<Record<ErrorCode, string>>;

const MESSAGES: Record<ErrorCode, string> = {
  BAD_REQUEST: 'This page and the server do not understand each other. Reload the page.',
  BAD_USER_INPUT: 'Please check the marked fields.',
  EMAIL_TAKEN: 'There is an account with this e-mail address. Log in instead.',
  EMAIL_UNCONFIRMED: 'Confirm your e-mail address first, by the link in the mail.',
  FORBIDDEN: 'You are not allowed to do this.',
  GRAPHQL_PARSE_FAILED: 'This page and the server do not understand each other. Reload the page.',
  GRAPHQL_VALIDATION_FAILED: 'This page is out of date. Reload it.',
  INTERNAL_SERVER_ERROR: 'Something went wrong on the server.',
  INVALID_CREDENTIALS: 'The e-mail address or the password is wrong.',
  LINK_EXPIRED: 'This link does not work any longer. Ask for another one.',
  NOT_AVAILABLE: 'This is not available here.',
  PERSISTED_QUERY_NOT_SUPPORTED:
    'This page and the server do not understand each other. Reload the page.',
  QUERY_TOO_COMPLEX: 'This page asks for too much at once.',
  SERVICE_UNAVAILABLE: 'The server cannot answer now. Try again soon.',
  TOO_MANY_ATTEMPTS: 'Too many attempts.',
  UNAUTHENTICATED: 'Log in to see this.',
};
const NO_ANSWER = 'The server does not answer.';

const REASONS: Record<FieldReason, (limit?: number) => string> = {
  BREACHED: () => 'This password is known from a data breach. Choose another one.',
  INVALID_CHARACTERS: () => 'This has characters that are not allowed.',
  INVALID_CURSOR: () => MESSAGES.BAD_REQUEST,
  INVALID_EMAIL: () => 'This is not an e-mail address.',
  OUT_OF_RANGE: () => MESSAGES.BAD_REQUEST,
  REQUIRED: () => 'Please fill in this field.',
  TAKEN: () => 'Somebody else has this already. Choose another one.',
  TOO_COMMON: () => 'Too many people use this password. Choose another one.',
  TOO_LONG: (limit) => `Use at most ${limit} characters.`,
  TOO_PERSONAL: () => 'This is too close to your name or e-mail address. Choose another one.',
  TOO_SHORT: (limit) => `Use at least ${limit} characters.`,
  UNKNOWN_FIELD: () => MESSAGES.GRAPHQL_VALIDATION_FAILED,
  WRONG_TYPE: () => MESSAGES.GRAPHQL_VALIDATION_FAILED,
};

export function isUnauthenticated({ errors }: GraphQLResult) {
  return errors?.some(({ extensions }) => extensions?.code === 'UNAUTHENTICATED') ?? false;
}

/** Apollo Client and our Relay environment throw an error with the `errors` of the response. */
function extensionsOf(error: unknown): Extensions {
  return (error as GraphQLResult | null)?.errors?.[0]?.extensions ?? {};
}

export const codeOf = (error: unknown) => extensionsOf(error).code;

/** The message for the user. An error without a code is not from our server. */
export function messageFor(error: unknown, messages?: Messages) {
  const { code, retryAfter, requestId } = extensionsOf(error);
  if (!code) return NO_ANSWER;
  const message = messages?.[code] ?? MESSAGES[code];
  if (code === 'INTERNAL_SERVER_ERROR') return `${message} (${requestId})`;
  return retryAfter ? `${message} Try again in ${duration(retryAfter)}.` : message;
}

function duration(seconds: number) {
  const [value, unit] = seconds < 90 ? [seconds, 'second'] : [Math.ceil(seconds / 60), 'minute'];
  return new Intl.NumberFormat('en', { style: 'unit', unit, unitDisplay: 'long' }).format(value);
}

/** The messages for fields, by name. */
export function fieldErrorsFor(error: unknown): Record<string, string> {
  const { code, fields = [] } = extensionsOf(error);
  if (code === 'EMAIL_TAKEN') return { email: MESSAGES[code] };
  return Object.fromEntries(
    fields.map(({ field, reason, limit }) => [field, REASONS[reason](limit)]),
  );
}
