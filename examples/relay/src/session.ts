// The session of this tab: the access token is in memory only, the refresh token in a cookie that
// no script can read.
import { useSyncExternalStore } from 'react';
import { type Answer, isUnauthenticated } from './errors';

export const url = import.meta.env.VITE_GRAPHQL_URL ?? 'http://localhost:4001/graphql';

const REFRESH = 'mutation Refresh { refreshToken { token user { id } } }';
// Long before REFRESH_GRACE is over, after which asking again would be taken for theft.
const REFRESH_TIMEOUT = 10_000;

export type Session =
  | { status: 'starting' | 'unreachable' }
  | { status: 'signedOut'; hasEnded: boolean }
  | { status: 'signedIn'; userId: string; accessToken: string };

interface AuthPayload {
  token: string;
  user: { id: string };
}

let session: Session = { status: 'starting' };
const listeners = new Set<() => void>();
const otherTabs = new BroadcastChannel('session');

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

function enter({ token, user }: AuthPayload) {
  set({ status: 'signedIn', userId: user.id, accessToken: token });
}

/** What `login` and `register` answer begins the session, in all tabs. */
export function signIn(payload: AuthPayload) {
  enter(payload);
  otherTabs.postMessage('changed');
}

/** After `logout`: the session has ended, in all tabs. */
export function signOut() {
  set({ status: 'signedOut', hasEnded: false });
  otherTabs.postMessage('changed');
}

/** Finds out whether somebody is signed in: at first, and when another tab says so. */
export async function start() {
  if (session.status === 'unreachable') set({ status: 'starting' });
  try {
    await refresh();
  } catch {
    if (session.status === 'starting') set({ status: 'unreachable' });
  }
}

let refreshing: Promise<void> | null = null;

// A refresh under way may have been answered before what the other tab did.
otherTabs.onmessage = async () => {
  await refreshing?.catch(() => {});
  await start();
};

/** One refresh for all requests of this tab that fail at once, and one at a time for all tabs. */
function refresh() {
  refreshing ??= navigator.locks.request('refresh', exchangeToken).finally(() => {
    refreshing = null;
  });
  return refreshing;
}

/** Throws if the server does not say whether the session goes on: then it does. */
async function exchangeToken() {
  const before = session;
  const response = await fetch(url, {
    method: 'POST',
    credentials: 'include',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: REFRESH }),
    // Without it a server that hangs would keep the other tabs waiting for the lock.
    signal: AbortSignal.timeout(REFRESH_TIMEOUT),
  });
  const answer: Answer<{ refreshToken: AuthPayload }> = await response.json();
  // Whoever has logged in or out in the meantime is not overruled.
  if (session !== before) return;
  if (answer.data) {
    enter(answer.data.refreshToken);
  } else if (isUnauthenticated(answer)) {
    set({ status: 'signedOut', hasEnded: session.status === 'signedIn' });
  } else {
    throw new Error('The server could not refresh the session.');
  }
}

/**
 * Gets another access token in place of one that was refused; answers whether to send the request
 * again. It must not go out in the name of another user, who may have logged in in another tab.
 */
export async function renew(refused: Session): Promise<boolean> {
  if (refused.status !== 'signedIn') return false;
  // Otherwise a request that failed at the same time has renewed it already.
  if (session === refused) await refresh();
  return session.status === 'signedIn' && session.userId === refused.userId;
}
