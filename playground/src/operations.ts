/** The operations in the first tabs; `/graphql#NAME` opens them. */
export interface ReadyOperation {
  name: string;
  query: string;
  variables: string;
}

export const json = (value: unknown) => JSON.stringify(value, null, 2);

const EMAIL = 'ada@example.com';
const PASSWORD = 'correct horse';
const ADA = { firstName: 'Ada', lastName: 'Lovelace', email: EMAIL, password: PASSWORD };
// The server refuses a cookie that needs HTTPS or localhost. Node.js, for the tests, has no pages.
export const CAN_KEEP_COOKIE = globalThis.isSecureContext !== false;

export const AUTH_PAYLOAD = `{
    token
    expiresAt
    user {
      firstName
      lastName
      email
    }
  }`;

const REGISTER = `# Also signs you in. This page then
# sends the token for you.
mutation Register($input: RegisterInput!) {
  register(input: $input) ${AUTH_PAYLOAD}
}
`;

const LOGIN = `# With useCookie the session survives
# a reload. It needs HTTPS or localhost.
mutation Login($input: LoginInput!) {
  login(input: $input) ${AUTH_PAYLOAD}
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
  refreshToken ${AUTH_PAYLOAD}
}
`;

const CHANGE_PASSWORD = `# Ends the other sessions of the user,
# and gets a new token for this one.
mutation ChangePassword($input: ChangePasswordInput!) {
  changePassword(input: $input) ${AUTH_PAYLOAD}
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

const SIGN_UP = `# Mails a link, which makes the account.
# serve --dev prints it in the terminal.
mutation SignUp($input: SignUpInput!) {
  signUp(input: $input) {
    email
  }
}
`;

const REQUEST_PASSWORD_RESET = `# Mails a link that sets a new password.
# Any e-mail gets the same answer.
mutation RequestPasswordReset($input: RequestPasswordResetInput!) {
  requestPasswordReset(input: $input) {
    email
  }
}
`;

const REQUEST_SIGN_IN_LINK = `# Mails a sign-in link, if the e-mail is
# confirmed. Needs SIGN_IN_LINKS=on.
mutation RequestSignInLink($input: RequestSignInLinkInput!) {
  requestSignInLink(input: $input) {
    email
  }
}
`;

const REQUEST_EMAIL_CONFIRMATION = `# Mails a link that confirms the e-mail
# of your account.
mutation RequestEmailConfirmation {
  requestEmailConfirmation {
    email
  }
}
`;

const CHANGE_EMAIL = `# Mails a link to the new e-mail, and a
# notice to the present one.
mutation ChangeEmail($input: ChangeEmailInput!) {
  changeEmail(input: $input) {
    email
  }
}
`;

const UPDATE_PROFILE = `# Changes your names; one that is not
# given stays.
mutation UpdateProfile($input: UpdateProfileInput!) {
  updateProfile(input: $input) {
    user {
      firstName
      lastName
    }
  }
}
`;

const DELETE_ACCOUNT = `# Deletes your account, with everything
# that the server stores of you.
mutation DeleteAccount($input: DeleteAccountInput!) {
  deleteAccount(input: $input) {
    deletedUserId
  }
}
`;

export const READY_OPERATIONS: readonly [ReadyOperation, ...ReadyOperation[]] = [
  {
    name: 'Register',
    query: REGISTER,
    variables: json({ input: { ...ADA, useCookie: CAN_KEEP_COOKIE } }),
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
  { name: 'SignUp', query: SIGN_UP, variables: json({ input: ADA }) },
  {
    name: 'RequestPasswordReset',
    query: REQUEST_PASSWORD_RESET,
    variables: json({ input: { email: EMAIL } }),
  },
  {
    name: 'RequestSignInLink',
    query: REQUEST_SIGN_IN_LINK,
    variables: json({ input: { email: EMAIL } }),
  },
  { name: 'RequestEmailConfirmation', query: REQUEST_EMAIL_CONFIRMATION, variables: '' },
  {
    name: 'ChangeEmail',
    query: CHANGE_EMAIL,
    variables: json({ input: { newEmail: 'countess@example.com', currentPassword: PASSWORD } }),
  },
  {
    name: 'UpdateProfile',
    query: UPDATE_PROFILE,
    variables: json({ input: { firstName: 'Augusta' } }),
  },
  {
    name: 'DeleteAccount',
    query: DELETE_ACCOUNT,
    variables: json({ input: { currentPassword: PASSWORD } }),
  },
];
