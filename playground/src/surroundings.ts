import type { Surroundings } from './session';

/** The browser's clock, locks and other tabs. */

const channel = new BroadcastChannel('graphql-auth');

export const surroundings: Surroundings = {
  now: () => Date.now(),
  // Web Locks need HTTPS or localhost. Without them tabs may refresh at once, which does no harm.
  exclusively: (run) => navigator.locks?.request('refresh', run) ?? run(),
  announce: () => channel.postMessage('session'),
};

export function onAnnouncement(listener: () => void): void {
  channel.addEventListener('message', listener);
}
