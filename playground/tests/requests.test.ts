import { afterEach, expect, test, vi } from 'vitest';
import { send } from '../src/requests';

afterEach(() => vi.unstubAllGlobals());

function answering(answer: () => Response): () => RequestInit & { url?: string } {
  const fetch = vi.fn((_url: string, _init: RequestInit) => Promise.resolve(answer()));
  vi.stubGlobal('fetch', fetch);
  vi.stubGlobal('location', new URL('https://example.com/auth/graphql?a#b'));
  return () => ({ url: fetch.mock.lastCall?.[0], ...fetch.mock.lastCall?.[1] });
}

test('a request goes to the path of the page, under any prefix', async () => {
  const sent = answering(() => Response.json({}));

  await send({ query: '{ a }' });

  expect(sent().url).toBe('/auth/graphql');
});

test('an answer comes with the time of the server', async () => {
  const headers = { Date: 'Tue, 01 Jan 2030 00:00:00 GMT' };
  answering(() => Response.json({ data: { a: 1 } }, { headers }));

  expect(await send({ query: '{ a }' })).toEqual({
    answer: { data: { a: 1 } },
    serverTime: Date.UTC(2030, 0, 1),
  });
});

test('an operation that has no name is sent without one', async () => {
  const sent = answering(() => Response.json({}));

  await send({ query: '{ a }', operationName: null });

  expect(sent().body).toBe('{"query":"{ a }"}');
});

test('a server that is down is an answer that says so', async () => {
  answering(() => {
    throw new TypeError('Failed to fetch');
  });

  const { answer } = await send({ query: '{ a }' });

  expect(answer).toEqual({ errors: [{ message: expect.stringContaining('cannot be reached') }] });
});

test('what is not JSON is an answer that says so', async () => {
  answering(() => new Response('<html>', { status: 502, statusText: 'Bad Gateway' }));

  const { answer } = await send({ query: '{ a }' });

  expect(answer).toEqual({ errors: [{ message: expect.stringContaining('502 Bad Gateway') }] });
});

test('an error of the server is shown as it is', async () => {
  const failure = { errors: [{ message: 'x', extensions: { code: 'SERVICE_UNAVAILABLE' } }] };
  answering(() => Response.json(failure, { status: 503 }));

  expect((await send({ query: '{ a }' })).answer).toEqual(failure);
});
