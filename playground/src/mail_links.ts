import type { ReadyOperation } from './operations';
import { AUTH_PAYLOAD, CAN_KEEP_COOKIE, json } from './operations';
import type { GraphQLRequest } from './requests';

/**
 * Links in mails, such as `#reset=TOKEN`. A link opens its mutation, and nothing is sent before the
 * user runs it. Only the memory of this page has the token: variables have a mark in its place.
 */

export interface LinkOperation extends ReadyOperation {
  fragment: string;
  /** The variables for a signed-in user, if the operation then needs no password. */
  variablesOfUser?: string;
}

// By the mark. Of two links of a kind, only the later one works.
const tokens = new Map<string, string>();

const mark = (fragment: string) => `from the ${fragment} link`;

const input = (fragment: string, others: object = {}) =>
  json({ input: { token: mark(fragment), ...others } });

const CONFIRM_SIGN_UP = `# The token is that of the link. Add the
# password of the sign-up, then run it.
mutation ConfirmSignUp($input: ConfirmSignUpInput!) {
  confirmSignUp(input: $input) ${AUTH_PAYLOAD}
}
`;

const CONFIRM_EMAIL = `# The token is that of the link. Add the
# password, unless its user is signed in.
mutation ConfirmEmail($input: ConfirmEmailInput!) {
  confirmEmail(input: $input) {
    user {
      email
      emailConfirmedAt
    }
  }
}
`;

const RESET_PASSWORD = `# The token is that of the link. Add a
# new password, then run it.
mutation ResetPassword($input: ResetPasswordInput!) {
  resetPassword(input: $input) ${AUTH_PAYLOAD}
}
`;

const CONFIRM_EMAIL_CHANGE = `# The token is that of the link. Add the
# password, unless its user is signed in.
mutation ConfirmEmailChange($input: ConfirmEmailChangeInput!) {
  confirmEmailChange(input: $input) {
    user {
      email
    }
  }
}
`;

const SIGN_IN_WITH_LINK = `# The token is that of the link. Run it
# to sign in.
mutation SignInWithLink($input: SignInWithLinkInput!) {
  signInWithLink(input: $input) ${AUTH_PAYLOAD}
}
`;

export const LINK_OPERATIONS: readonly LinkOperation[] = [
  {
    fragment: 'sign-up',
    name: 'ConfirmSignUp',
    query: CONFIRM_SIGN_UP,
    variables: input('sign-up', { password: '', useCookie: CAN_KEEP_COOKIE }),
  },
  {
    fragment: 'confirm',
    name: 'ConfirmEmail',
    query: CONFIRM_EMAIL,
    variables: input('confirm', { password: '' }),
    variablesOfUser: input('confirm'),
  },
  {
    fragment: 'reset',
    name: 'ResetPassword',
    query: RESET_PASSWORD,
    variables: input('reset', { newPassword: '', useCookie: CAN_KEEP_COOKIE }),
  },
  {
    fragment: 'email',
    name: 'ConfirmEmailChange',
    query: CONFIRM_EMAIL_CHANGE,
    variables: input('email', { password: '' }),
    variablesOfUser: input('email'),
  },
  {
    fragment: 'sign-in',
    name: 'SignInWithLink',
    query: SIGN_IN_WITH_LINK,
    variables: input('sign-in', { useCookie: CAN_KEEP_COOKIE }),
  },
];

/** Keeps the token of a link, and returns the fragment that opens its operation; null if none. */
export function keepToken(fragment: string): string | null {
  const [, kind, token] = /^#([a-z-]+)=(.+)$/.exec(fragment) ?? [];
  const operation = LINK_OPERATIONS.find((each) => each.fragment === kind);
  if (!operation || !token) return null;
  tokens.set(mark(operation.fragment), token);
  return `#${operation.name}`;
}

/** Returns the request with the tokens in place of their marks. */
export function withTokens<T extends GraphQLRequest>(request: T): T {
  if (!request.variables) return request;
  const filled = JSON.stringify(request.variables, (_name, value) => tokens.get(value) ?? value);
  return { ...request, variables: JSON.parse(filled) };
}
