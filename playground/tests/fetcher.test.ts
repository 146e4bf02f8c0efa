import { beforeEach, expect, test } from 'vitest';
import { createFetcher } from '../src/fetcher';
import { type Linked, readLink } from '../src/links';
import { keepToken } from '../src/mail_links';
import type { Answer, GraphQLRequest, Headers } from '../src/requests';
import type { Session } from '../src/session';
import { LOGIN, Server, sessionAt } from './server';

const WELCOME = { query: '{ welcome }' };

let server: Server;
let session: Session;

beforeEach(async () => {
  server = new Server();
  ({ session } = sessionAt(server));
  await session.resume();
  server.requests.length = 0;
});

function run(request: GraphQLRequest, headers?: Headers): Promise<Answer> {
  const fetcher = createFetcher(server.send, session);
  return new Promise((next, error) => {
    fetcher(request, headers && { headers }).subscribe({ next, error, complete() {} });
  });
}

test('after a login the token goes along by itself', async () => {
  await run(LOGIN);

  expect(await run(WELCOME)).toEqual({ data: { welcome: 'Welcome' } });
});

test('the user gets only the answer after a refresh', async () => {
  await run(LOGIN);
  server.revoke();

  expect(await run(WELCOME)).toEqual({ data: { welcome: 'Welcome' } });
  expect(server.count('welcome')).toBe(2);
  expect(server.count('refreshToken(')).toBe(1);
});

test('operations that fail at once refresh once', async () => {
  await run(LOGIN);
  server.revoke();

  const answers = await Promise.all([run(WELCOME), run(WELCOME)]);

  expect(answers.map(({ errors }) => errors)).toEqual([undefined, undefined]);
  expect(server.count('refreshToken(')).toBe(1);
});

test('an operation is sent again once at most', async () => {
  await run(LOGIN);
  const code = 'UNAUTHENTICATED';
  const denied = { errors: [{ message: '', extensions: { code } }] };
  const { send } = server;
  const stubborn: typeof send = async (request, headers) => {
    const reply = await send(request, headers);
    return request.query.includes('welcome') ? { ...reply, answer: denied } : reply;
  };

  const answer = await new Promise((next, error) => {
    createFetcher(stubborn, session)(WELCOME).subscribe({ next, error, complete() {} });
  });

  expect(answer).toEqual(denied);
  expect(server.count('welcome')).toBe(2);
});

test('codes decide, not messages', async () => {
  await run(LOGIN);
  server.trouble = { errors: [{ message: 'UNAUTHENTICATED', extensions: { code: 'FORBIDDEN' } }] };

  expect(await run(WELCOME)).toEqual(server.trouble);
  expect(server.count('refreshToken(')).toBe(0);
});

test.each([
  ['EMAIL_TAKEN', 'emailTaken'],
  ['EMAIL_UNCONFIRMED', 'emailUnconfirmed'],
  ['INVALID_CREDENTIALS', 'wrongCredentials'],
  ['NOT_AVAILABLE', 'notAvailable'],
])('after %s the bar says what to run, until the next response', async (code, note) => {
  server.trouble = { errors: [{ message: '', extensions: { code } }] };

  expect(await run(LOGIN)).toEqual(server.trouble);
  expect(session.snapshot().note).toBe(note);

  server.trouble = null;
  await run(WELCOME);
  expect(session.snapshot().note).toBeNull();
});

test.each([
  ['changePassword', 'INVALID_CREDENTIALS'],
  ['confirmSignUp', 'INVALID_CREDENTIALS'],
  ['confirmEmailChange', 'EMAIL_TAKEN'],
])('an error of %s is no failed login', async (name, code) => {
  server.trouble = { errors: [{ message: '', extensions: { code } }] };

  await run({ query: `mutation { ${name}(input: {}) { __typename } }` });

  expect(session.snapshot().note).toBeNull();
});

test.each(['resetPassword', 'confirmEmail'])('a link of %s that is over is noted', async (name) => {
  server.trouble = { errors: [{ message: '', extensions: { code: 'LINK_EXPIRED' } }] };

  await run({ query: `mutation { ${name}(input: {}) { __typename } }` });

  expect(session.snapshot().note).toBe('linkExpired');
});

test('the token of a mailed link goes to the server only', async () => {
  keepToken('#reset=secret');
  const { query, variables } = readLink('#ResetPassword') as Linked;

  await run({ query, variables: JSON.parse(variables) });

  expect(variables).not.toContain('secret');
  expect(server.requests.at(-1)?.request.variables).toMatchObject({ input: { token: 'secret' } });
});

test('whoever is signed out gets the answer as it is', async () => {
  const answer = await run(WELCOME);

  expect(answer.errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED');
  expect(server.requests).toHaveLength(1);
});

test.each(['authorization', 'X-Access-Token'])('an own header %s is left alone', async (name) => {
  await run(LOGIN);
  server.requests.length = 0;

  await run(WELCOME, { [name]: 'mine' });

  expect(server.requests).toEqual([{ request: WELCOME, headers: { [name]: 'mine' } }]);
});

test('other own headers go along with the token', async () => {
  await run(LOGIN);

  await run(WELCOME, { 'X-Request-Id': '1' });

  const last = server.requests.at(-1);
  expect(last?.headers).toEqual({ Authorization: 'Bearer token-1', 'X-Request-Id': '1' });
});

test('the schema is asked for without a token', async () => {
  await run(LOGIN);

  await run({ query: 'query IntrospectionQuery { __schema { x } }' });

  expect(server.requests.at(-1)?.headers).toEqual({});
});

test('the name of an operation that is no longer there is not sent', async () => {
  await run({ ...WELCOME, operationName: 'Before' });

  expect(server.requests[0]?.request.operationName).toBeUndefined();
});

test('a logout of the user ends the session', async () => {
  await run(LOGIN);

  await run({ query: 'mutation { logout }' });

  expect(session.snapshot().status).toBe('signedOut');
});

test('a refresh of the user that is denied is not tried again', async () => {
  await run(LOGIN);
  server.hasCookie = false;

  await run({ query: 'mutation { refreshToken(input: {refreshToken: "x"}) { token } }' });

  expect(server.count('refreshToken(')).toBe(1);
  expect(session.snapshot().status).toBe('signedIn');
});

test('an answer for whoever went to another tab goes nowhere, but signs in', async () => {
  const next = () => expect.unreachable();
  const fetcher = createFetcher(server.send, session);

  fetcher(LOGIN).subscribe({ next, error: next, complete: next }).unsubscribe();
  await new Promise((resolve) => setTimeout(resolve));

  expect(session.snapshot().status).toBe('signedIn');
});
