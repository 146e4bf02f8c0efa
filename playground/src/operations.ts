/** The operations in the first tabs; `/graphql#NAME` opens them. */
export interface ReadyOperation {
  name: string;
  query: string;
  variables: string;
}

const json = (value: unknown) => JSON.stringify(value, null, 2);

const EMAIL = 'ada@example.com';
const PASSWORD = 'correct horse';
// The server refuses a cookie that needs HTTPS or localhost. Node.js, for the tests, has no pages.
const CAN_KEEP_COOKIE = globalThis.isSecureContext !== false;

const REGISTER = `# Also signs you in. This page then
# sends the token for you.
mutation Register($input: RegisterInput!) {
  register(input: $input) {
    token
    expiresAt
    user {
      firstName
      lastName
      email
    }
  }
}
`;

const LOGIN = `# With useCookie the session survives
# a reload. It needs HTTPS or localhost.
mutation Login($input: LoginInput!) {
  login(input: $input) {
    token
    expiresAt
    user {
      firstName
      lastName
      email
    }
  }
}
`;

const WELCOME = `# Needs a valid access token. This page
# refreshes an expired one.
query Welcome {
  welcome
}
`;

const REFRESH = `# Gets the next token by the cookie; or
# pass input: {refreshToken: …}.
mutation Refresh {
  refreshToken {
    token
    expiresAt
    user {
      firstName
      lastName
      email
    }
  }
}
`;

const CHANGE_PASSWORD = `# Ends the other sessions of the user,
# and gets a new token for this one.
mutation ChangePassword($input: ChangePasswordInput!) {
  changePassword(input: $input) {
    token
    expiresAt
    user {
      firstName
      lastName
      email
    }
  }
}
`;

const SESSIONS = `# Your active sessions. End one with
# revokeSession(input: {id: …}).
query Sessions($first: Int) {
  viewer {
    email
    sessions(first: $first) {
      edges {
        node {
          id
          current
          createdAt
          lastUsedAt
          ipAddress
          userAgent
        }
      }
    }
  }
}
`;

const LOGOUT = `# Ends this session. logoutEverywhere
# ends all sessions of the user.
mutation Logout {
  logout
}
`;

export const READY_OPERATIONS: readonly [ReadyOperation, ...ReadyOperation[]] = [
  {
    name: 'Register',
    query: REGISTER,
    variables: json({
      input: {
        firstName: 'Ada',
        lastName: 'Lovelace',
        email: EMAIL,
        password: PASSWORD,
        useCookie: CAN_KEEP_COOKIE,
      },
    }),
  },
  {
    name: 'Login',
    query: LOGIN,
    variables: json({ input: { email: EMAIL, password: PASSWORD, useCookie: CAN_KEEP_COOKIE } }),
  },
  { name: 'Welcome', query: WELCOME, variables: '' },
  { name: 'Refresh', query: REFRESH, variables: '' },
  { name: 'Sessions', query: SESSIONS, variables: json({ first: 10 }) },
  {
    name: 'ChangePassword',
    query: CHANGE_PASSWORD,
    // The same password, so that Login works after it as before.
    variables: json({ input: { currentPassword: PASSWORD, newPassword: PASSWORD } }),
  },
  { name: 'Logout', query: LOGOUT, variables: '' },
];

export function readyOperation(name: string): ReadyOperation | undefined {
  return READY_OPERATIONS.find((operation) => operation.name.toLowerCase() === name.toLowerCase());
}
