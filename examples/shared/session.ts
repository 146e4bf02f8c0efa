// The session of this tab: the access token is in memory only, the refresh token in a cookie that
// no script can read.
import { useSyncExternalStore } from 'react';
import { type GraphQLResult, isUnauthenticated } from './errors';

export const url = import.meta.env.VITE_GRAPHQL_URL ?? 'http://localhost:4001/graphql';

const REFRESH = 'mutation Refresh { refreshToken { token user { id } } }';
// Far below REFRESH_GRACE: after it, a retry counts as theft of the token.
const REFRESH_TIMEOUT = 10_000;
const SESSION_ENDED = 'Your session has ended. Log in again.';

export type Session =
  | { status: 'starting' | 'unreachable' }
  | { status: 'signedOut'; notice?: string }
  // With another key, what is cached of the user is loaded again.
  | { status: 'signedIn'; userId: string; key: string; accessToken: string };

interface AuthPayload {
  token: string;
  user: { id: string };
}

let session: Session = { status: 'starting' };
const listeners = new Set<() => void>();
const otherTabs = new BroadcastChannel('session');
let changesElsewhere = 0;

function set(next: Session) {
  session = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const currentSession = () => session;
export const useSession = () => useSyncExternalStore(subscribe, currentSession);

export function authorization(): Record<string, string> {
  return session.status === 'signedIn' ? { authorization: `Bearer ${session.accessToken}` } : {};
}

function setSignedIn({ token, user }: AuthPayload) {
  const key = `${user.id} ${changesElsewhere}`;
  set({ status: 'signedIn', userId: user.id, key, accessToken: token });
}

/** Let the other tabs load the user again, after a change. */
export function tellOtherTabs() {
  otherTabs.postMessage('changed');
}

/** Start the session with the payload of `login` or another mutation, in all tabs. */
export function signIn(payload: AuthPayload) {
  setSignedIn(payload);
  tellOtherTabs();
}

/** End the session in all tabs, after `logout` or `deleteAccount`. */
export function signOut(notice?: string) {
  set({ status: 'signedOut', notice });
  tellOtherTabs();
}

/** Ask the server whether the user is signed in, at the start and after a change in another tab. */
export async function start() {
  if (session.status === 'unreachable') set({ status: 'starting' });
  try {
    await refresh();
  } catch {
    if (session.status === 'starting') set({ status: 'unreachable' });
  }
}

let refreshing: Promise<void> | null = null;

// The response of a running refresh may be older than the change in the other tab.
otherTabs.onmessage = async () => {
  changesElsewhere += 1;
  await refreshing?.catch(() => {});
  await start();
};

/** Share one refresh among all requests of this tab; a Web Lock serializes the tabs. */
function refresh() {
  refreshing ??= navigator.locks.request('refresh', exchangeToken).finally(() => {
    refreshing = null;
  });
  return refreshing;
}

/** Throws, and keeps the session, if the server does not answer. */
async function exchangeToken() {
  const before = session;
  const response = await fetch(url, {
    method: 'POST',
    credentials: 'include',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: REFRESH }),
    // Otherwise a server that hangs blocks the lock for all tabs.
    signal: AbortSignal.timeout(REFRESH_TIMEOUT),
  });
  const result: GraphQLResult<{ refreshToken: AuthPayload }> = await response.json();
  // Keep a login or logout that happened meanwhile.
  if (session !== before) return;
  if (result.data) {
    setSignedIn(result.data.refreshToken);
  } else if (isUnauthenticated(result)) {
    const hasEnded = session.status === 'signedIn';
    set({ status: 'signedOut', notice: hasEnded ? SESSION_ENDED : undefined });
  } else {
    throw new Error('The server could not refresh the session.');
  }
}

/**
 * Replace a rejected access token. Returns whether to retry the request: not if another user has
 * logged in, in this or another tab.
 */
export async function renew(rejected: Session): Promise<boolean> {
  if (rejected.status !== 'signedIn') return false;
  // If not equal, another request has refreshed already.
  if (session === rejected) await refresh();
  return session.status === 'signedIn' && session.userId === rejected.userId;
}
