/** The operations that the first tabs hold, and that `/graphql#NAME` opens. */
export interface ReadyOperation {
  name: string;
  query: string;
  variables: string;
}

const json = (value: unknown) => JSON.stringify(value, null, 2);

const EMAIL = 'ada@example.com';
const PASSWORD = 'correct horse battery staple';

const REGISTER = `# Signs you in, too: from now on
# the token is sent for you.
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

const LOGIN = `# With useCookie the session
# survives a reload.
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

const WELCOME = `# Only for whoever is signed in. A token
# that expired is refreshed on the way.
query Welcome {
  welcome
}
`;

const SESSIONS = `# Where you are signed in; revokeSession
# ends the one with an id.
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
        useCookie: true,
      },
    }),
  },
  {
    name: 'Login',
    query: LOGIN,
    variables: json({ input: { email: EMAIL, password: PASSWORD, useCookie: true } }),
  },
  { name: 'Welcome', query: WELCOME, variables: '' },
  { name: 'Sessions', query: SESSIONS, variables: json({ first: 10 }) },
];

export function readyOperation(name: string): ReadyOperation | undefined {
  return READY_OPERATIONS.find((operation) => operation.name.toLowerCase() === name.toLowerCase());
}
