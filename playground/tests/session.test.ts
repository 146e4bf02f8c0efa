import { beforeEach, expect, test } from 'vitest';
import { Session } from '../src/session';
import { execute, LIFETIME, LOGIN, PERSON, Server, sessionAt } from './server';

let server: Server;

beforeEach(() => {
  server = new Server();
});

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

test('a session in a cookie survives a reload', async () => {
  server.hasCookie = true;
  const { session } = sessionAt(server);

  await session.resume();

  expect(session.snapshot()).toMatchObject({ status: 'signedIn', user: PERSON, note: null });
  expect(await session.headers()).toEqual(bearer('token-1'));
});

test('without a cookie nobody is signed in, and nobody is told that a session is over', async () => {
  const { session } = sessionAt(server);

  await session.resume();

  expect(session.snapshot()).toMatchObject({ status: 'signedOut', note: null });
  expect(await session.headers()).toEqual({});
});

test('a server that cannot be reached at first is asked again when it matters', async () => {
  const { session } = sessionAt(server);
  server.hasCookie = true;
  server.trouble = { errors: [{ message: 'down' }] };
  await session.resume();
  expect(session.snapshot().status).toBe('signedOut');
  server.trouble = null;

  expect(await session.renew({})).toBe(true);
  expect(session.snapshot().status).toBe('signedIn');
});

test('the countdown does not need the clock of the browser to be right', async () => {
  const { session } = sessionAt(server);

  await execute(session, server, LOGIN);

  expect(session.snapshot().expiresAt).toBe(server.clock + 3_600_000 + LIFETIME - 2_000);
});

test('a token is refreshed when it is about to expire, and not before', async () => {
  const { session } = sessionAt(server);
  await execute(session, server, LOGIN);

  server.clock += LIFETIME - 3_000;
  expect(await session.headers()).toEqual(bearer('token-1'));
  server.clock += 1_000;
  expect(await session.headers()).toEqual(bearer('token-2'));
});

test('all who need another token at once share one refresh', async () => {
  const { session } = sessionAt(server);
  await execute(session, server, LOGIN);
  server.revoke();

  const renewed = await Promise.all([1, 2, 3].map(() => session.renew(bearer('token-1'))));

  expect(renewed).toEqual([true, true, true]);
  expect(server.count('refreshToken(')).toBe(1);
});

test('whoever was refused with an older token needs no refresh', async () => {
  const { session } = sessionAt(server);
  await execute(session, server, LOGIN);

  expect(await session.renew(bearer('token-0'))).toBe(true);
  expect(server.count('refreshToken(')).toBe(0);
});

test('a refresh that is denied ends the session, and says so', async () => {
  const { session } = sessionAt(server);
  await execute(session, server, LOGIN);
  server.hasCookie = false;

  expect(await session.renew(bearer('token-1'))).toBe(false);

  expect(session.snapshot()).toMatchObject({ status: 'signedOut', note: 'sessionOver' });
  expect(await session.renew({})).toBe(false);
  expect(server.count('refreshToken(')).toBe(1);
});

test('a refresh that the server cannot answer ends nothing', async () => {
  const { session } = sessionAt(server);
  await execute(session, server, LOGIN);
  const code = 'SERVICE_UNAVAILABLE';
  server.trouble = { errors: [{ message: '', extensions: { code } }] };

  expect(await session.renew(bearer('token-1'))).toBe(false);
  expect(session.snapshot().status).toBe('signedIn');
});

test('without a cookie, each refresh uses the refresh token of the last', async () => {
  const { session } = sessionAt(server);
  server.refreshToken = 'r';
  const grant = { ...server.payload(), refreshToken: 'r', inCookie: false };
  await session.apply({ kind: 'signedIn', grant }, { answer: {}, serverTime: server.clock });

  expect(await session.renew(bearer('token-1'))).toBe(true);
  expect(await session.renew(bearer('token-2'))).toBe(true);
  expect(server.refreshToken).toBe('r++');
});

test('a token that was not selected comes from the cookie', async () => {
  const { session } = sessionAt(server);
  server.hasCookie = true;
  const reply = { answer: {}, serverTime: server.clock };

  await session.apply({ kind: 'signedIn', grant: { inCookie: true } }, reply);

  expect(await session.headers()).toEqual(bearer('token-1'));
  expect(session.snapshot().note).toBeNull();
});

test('where no cookie has it either, the user is told to select it', async () => {
  const { session } = sessionAt(server);
  await session.resume();
  const reply = { answer: {}, serverTime: server.clock };

  await session.apply({ kind: 'signedIn', grant: { inCookie: false } }, reply);

  expect(session.snapshot()).toMatchObject({ status: 'signedOut', note: 'tokenNotSelected' });
});

test('who is signed in is asked for where it was not selected', async () => {
  const { session } = sessionAt(server);
  const { token } = server.payload();
  const reply = { answer: {}, serverTime: server.clock };

  await session.apply({ kind: 'signedIn', grant: { token, inCookie: false } }, reply);
  await new Promise((resolve) => setTimeout(resolve));

  expect(session.snapshot()).toMatchObject({ user: PERSON, expiresAt: null, canRefresh: false });
});

test('a change of the user is asked for, and the other tabs are told', async () => {
  const { session, announced } = sessionAt(server);
  await execute(session, server, LOGIN);
  announced.length = 0;
  server.person = { ...PERSON, firstName: 'Augusta' };

  await session.apply({ kind: 'changed' }, { answer: {}, serverTime: server.clock });
  await new Promise((resolve) => setTimeout(resolve));

  expect(session.snapshot()).toMatchObject({ status: 'signedIn', user: server.person });
  expect(announced).toEqual(['session']);
});

test('a change of a user who is not signed in here is nothing to ask for', async () => {
  const { session } = sessionAt(server);
  await session.resume();
  server.requests.length = 0;

  await session.apply({ kind: 'changed' }, { answer: {}, serverTime: server.clock });

  expect(session.snapshot().status).toBe('signedOut');
  expect(server.requests).toEqual([]);
});

test('signing out ends the session, and tells the other tabs', async () => {
  const { session, announced } = sessionAt(server);
  await execute(session, server, LOGIN);
  announced.length = 0;

  await session.signOut();

  expect(session.snapshot()).toMatchObject({ status: 'signedOut', note: null });
  expect(await session.headers()).toEqual({});
  expect(announced).toEqual(['session']);
});

test('nobody is told to be signed out while the server still knows the session', async () => {
  const { session } = sessionAt(server);
  await execute(session, server, LOGIN);
  server.trouble = { errors: [{ message: 'down' }] };

  await session.signOut();

  expect(session.snapshot()).toMatchObject({ status: 'signedIn', note: 'signOutFailed' });
});

test('a refresh that is answered after the user signed in again changes nothing', async () => {
  const { session } = sessionAt(server);
  server.hasCookie = true;
  const resumed = session.resume();

  const grant = { token: 'mine', user: PERSON, inCookie: false };
  await session.apply({ kind: 'signedIn', grant }, { answer: {}, serverTime: server.clock });
  await resumed;

  expect(await session.headers()).toEqual(bearer('mine'));
});

test('a tab follows what another tab does to the cookie', async () => {
  const { session } = sessionAt(server);
  await session.resume();
  server.hasCookie = true;

  await session.follow();
  expect(session.snapshot().status).toBe('signedIn');
  server.hasCookie = false;

  await session.follow();
  expect(session.snapshot()).toMatchObject({ status: 'signedOut', note: null });
});

test('a session of this tab alone does not care about the cookie', async () => {
  const { session } = sessionAt(server);
  const grant = { token: 'mine', user: PERSON, inCookie: false };
  await session.apply({ kind: 'signedIn', grant }, { answer: {}, serverTime: server.clock });
  server.hasCookie = true;

  await session.follow();

  expect(await session.headers()).toEqual(bearer('mine'));
});

test('a server that could not tell at first is asked again', async () => {
  const { session } = sessionAt(server);
  server.hasCookie = true;
  server.trouble = { errors: [{ message: '', extensions: { code: 'SERVICE_UNAVAILABLE' } }] };
  await session.resume();
  server.trouble = null;

  expect(await session.headers()).toEqual(bearer('token-1'));
});

test('a request is not sent again for another user', async () => {
  const { session } = sessionAt(server);
  await execute(session, server, LOGIN);

  expect(await session.renew(await session.headers(), 'bob@example.com')).toBe(false);
  expect(await session.renew(await session.headers(), PERSON.email)).toBe(true);
});

test('a sign-in waits for the lock that refreshes hold', async () => {
  const order: string[] = [];
  const session = new Session(server.send, {
    now: () => 0,
    async exclusively(run) {
      order.push('locked');
      return run();
    },
    announce() {},
  });

  await session.undisturbed(async () => order.push('signed in'));

  expect(order).toEqual(['locked', 'signed in']);
});

test('who signs in while signing out is under way stays signed in', async () => {
  const { session } = sessionAt(server);
  await execute(session, server, LOGIN);
  const signedOut = session.signOut();
  await Promise.resolve();

  await execute(session, server, LOGIN);
  await signedOut;

  expect(session.snapshot().status).toBe('signedIn');
});
