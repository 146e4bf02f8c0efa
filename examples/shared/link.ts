// The link of a mail, APP_URL#reset=TOKEN. Scanners of mail open links and run the scripts of the
// page. So a page shows what the link is for, and sends the token after a click only.
import { useSyncExternalStore } from 'react';

export interface Link {
  kind: 'confirm' | 'email' | 'reset' | 'sign-in' | 'sign-up';
  token: string;
}

/** What a user sees besides links. */
export type Page = 'start' | 'register' | 'forgotPassword' | 'signInLink';

/** Where the user asks for another link; for some, after the login. */
export const REQUEST_PAGES: Record<Link['kind'], Page> = {
  confirm: 'start',
  email: 'start',
  reset: 'forgotPassword',
  'sign-in': 'signInLink',
  'sign-up': 'register',
};

const FRAGMENT = /^#(confirm|email|reset|sign-in|sign-up)=(.+)$/;

let link: Link | null = null;
const listeners = new Set<() => void>();

function set(next: Link | null) {
  link = next;
  for (const listener of listeners) listener();
}

function read() {
  const [, kind, token] = FRAGMENT.exec(location.hash) ?? [];
  if (!kind || !token) return;
  // The history, a bookmark or a picture of the window would show the token.
  history.replaceState(null, '', location.pathname + location.search);
  set({ kind: kind as Link['kind'], token });
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useLink = () => useSyncExternalStore(subscribe, () => link);
export const closeLink = () => set(null);

read();
// A link that is opened in this tab again does not load the page.
addEventListener('hashchange', read);
