import type { Surroundings } from './session';

/** The browser around a session: its clock, its locks and its other tabs. */

const channel = new BroadcastChannel('graphql-auth');

export const surroundings: Surroundings = {
  now: () => Date.now(),
  // There are locks over HTTPS and on localhost only; tabs that refresh at once do no harm.
  exclusively: (run) => navigator.locks?.request('refresh', run) ?? run(),
  announce: () => channel.postMessage('session'),
};

export function onAnnouncement(listener: () => void): void {
  channel.addEventListener('message', listener);
}
