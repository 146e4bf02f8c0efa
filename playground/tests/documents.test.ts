import { expect, test } from 'vitest';
import type { Grant } from '../src/documents';
import { isIntrospection, Operation } from '../src/documents';

const TOKENS = { token: 'a', expiresAt: '2030-01-01T00:00:00Z' };

function grantOf(query: string, data: object, variables = {}): Grant | undefined {
  const effect = Operation.read({ query, variables })?.effect(data as Record<string, unknown>);
  return effect?.kind === 'signedIn' ? effect.grant : undefined;
}

test('a payload is found under aliases, in fragments and in parts', () => {
  const query = `
    mutation {
      me: login(input: {email: "", password: ""}) { access: token ...Rest }
      ... on Mutation { me: login(input: {email: "", password: ""}) { user { mail: email } } }
    }
    fragment Rest on AuthPayload { until: expiresAt ... { user { firstName } } }`;
  const user = { mail: 'ada@example.com', firstName: 'Ada' };

  const grant = grantOf(query, { me: { access: 'a', until: TOKENS.expiresAt, user } });

  const person = { email: 'ada@example.com', firstName: 'Ada' };
  expect(grant).toEqual({ ...TOKENS, user: person, inCookie: false });
});

test('another field with the alias token gives no token', () => {
  const query = 'mutation { login(input: {}) { token: refreshToken } }';

  expect(grantOf(query, { login: { token: 'r' } })).toEqual({ refreshToken: 'r', inCookie: false });
});

test.each([
  ['a literal', 'mutation { login(input: {useCookie: true}) { token } }', {}],
  [
    'a variable',
    'mutation ($c: Boolean!) { login(input: {useCookie: $c}) { token } }',
    { c: true },
  ],
  [
    'a variable for all',
    'mutation ($i: LoginInput!) { login(input: $i) { token } }',
    { i: { useCookie: true } },
  ],
  ['a default', 'mutation ($c: Boolean! = true) { login(input: {useCookie: $c}) { token } }', {}],
])('a session in a cookie is recognized by %s', (_name, query, variables) => {
  expect(grantOf(query, { login: TOKENS }, variables)?.inCookie).toBe(true);
});

test('a refresh is by the cookie, unless it has an input', () => {
  const bare = 'mutation { refreshToken { token } }';
  const given = 'mutation { refreshToken(input: {refreshToken: "r"}) { token } }';

  expect(grantOf(bare, { refreshToken: TOKENS })?.inCookie).toBe(true);
  expect(grantOf(given, { refreshToken: TOKENS })?.inCookie).toBe(false);
});

test('where a changed password leaves the refresh token, its answer does not tell', () => {
  const query = 'mutation { changePassword(input: {}) { token } }';

  expect(grantOf(query, { changePassword: TOKENS })).toEqual({
    token: 'a',
    inCookie: undefined,
  });
});

test('of several fields the last one counts', () => {
  const query = 'mutation { login(input: {}) { token } logout }';
  const operation = Operation.read({ query });

  expect(operation?.effect({ login: TOKENS, logout: true })).toEqual({ kind: 'signedOut' });
});

test.each(['confirmSignUp', 'resetPassword', 'signInWithLink'])('%s signs in', (name) => {
  const query = `mutation { ${name}(input: {token: "t", useCookie: true}) { token expiresAt } }`;
  const operation = Operation.read({ query });

  expect(operation?.signsIn).toBe(true);
  expect(operation?.isLogin).toBe(false);
  expect(grantOf(query, { [name]: TOKENS })).toEqual({ ...TOKENS, inCookie: true });
});

test('who deletes the account is signed out, unless that failed', () => {
  const query = 'mutation { gone: deleteAccount(input: {}) { deletedUserId } }';
  const operation = Operation.read({ query });

  expect(operation?.effect({ gone: { deletedUserId: 'x' } })).toEqual({ kind: 'signedOut' });
  expect(operation?.effect(null)).toBeNull();
});

test.each(['updateProfile', 'confirmEmailChange'])('%s changes the user', (name) => {
  const operation = Operation.read({ query: `mutation { ${name}(input: {}) { __typename } }` });

  expect(operation?.effect({ [name]: {} })).toEqual({ kind: 'changed' });
  expect(operation?.effect({ [name]: null })).toBeNull();
});

test('nothing is concluded from a failure, a query or a text that is no document', () => {
  const login = Operation.read({ query: 'mutation { login(input: {}) { token } }' });
  const query = Operation.read({ query: '{ login: viewer { token: email } }' });

  expect(login?.effect(null)).toBeNull();
  expect(login?.effect({ login: null })).toBeNull();
  expect(query?.effect({ login: { token: 'a' } })).toBeNull();
  expect(Operation.read({ query: 'mutation {' })).toBeNull();
});

test('the operation that was chosen counts', () => {
  const query = 'query A { welcome } mutation B { login(input: {}) { token } }';

  expect(Operation.read({ query, operationName: 'A' })?.signsIn).toBe(false);
  expect(Operation.read({ query, operationName: 'B' })?.signsIn).toBe(true);
});

test('a fragment that spreads itself does no harm', () => {
  const query = 'mutation { ...A } fragment A on Mutation { ...A login(input: {}) { token } }';

  expect(Operation.read({ query })?.signsIn).toBe(true);
});

test('only what asks for the schema alone is introspection', () => {
  expect(isIntrospection({ query: '\n query IntrospectionQuery { __schema { x } }' })).toBe(true);
  expect(isIntrospection({ query: 'query Welcome { welcome }' })).toBe(false);
});

test('fragments that spread each other take no time', () => {
  const levels = Array.from({ length: 40 }, (_, level) => {
    const next = `...F${level + 1} ...F${level + 1}`;
    return `fragment F${level} on Mutation { ${next} }`;
  });
  const query = `mutation { ...F0 } ${levels.join(' ')} fragment F40 on Mutation { logout }`;

  expect(Operation.read({ query })?.effect({ logout: true })).toEqual({ kind: 'signedOut' });
});
