import { Button, VisuallyHidden } from '@graphiql/react';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { clock } from './clock';
import type { Person } from './documents';
import type { Note, Session, Snapshot } from './session';

/** Shows the user, and when the access token expires. */

const HINT = 'Run Register or Login. This page then sends the token for you.';

const NOTES: Record<Note, string> = {
  sessionOver: 'The session has ended. Log in again.',
  tokenNotSelected: 'Signed in, but the response has no token: select the field token.',
  signOutFailed: 'Still signed in: the server did not answer.',
  emailTaken: 'This e-mail has an account. Run Login.',
  emailUnconfirmed: 'Confirm the e-mail first: open the link in the mail.',
  wrongCredentials: 'Wrong e-mail or password. No account yet? Run Register.',
  linkExpired: 'Open the link of the last mail, or ask for another one.',
  notAvailable: 'The server has no mail, or a setting disables this.',
};

export function SessionBar({ session }: { session: Session }) {
  const state = useSyncExternalStore(session.subscribe, session.snapshot);
  return (
    <header className="graphiql-container session-bar">
      <h1>
        graphql-auth <span>playground</span>
      </h1>
      <div className="session">
        {state.note && <p className="hint note">{NOTES[state.note]}</p>}
        {state.status === 'signedOut' && !state.note && <p className="hint">{HINT}</p>}
        {state.status === 'signedIn' && <SignedIn state={state} session={session} />}
      </div>
      <VisuallyHidden>
        <p role="status">{announcement(state)}</p>
      </VisuallyHidden>
    </header>
  );
}

function SignedIn({ state, session }: { state: Snapshot; session: Session }) {
  const { user } = state;
  return (
    <>
      <span className="person" title={user?.email}>
        <span className="name">{nameOf(user)}</span> <span className="email">{user?.email}</span>
      </span>
      <Expiry key={state.expiresAt} state={state} />
      <Button type="button" onClick={() => void session.signOut()}>
        Sign out
      </Button>
    </>
  );
}

function Expiry({ state: { expiresAt, isRefreshing, canRefresh } }: { state: Snapshot }) {
  const now = useNow();
  if (isRefreshing) return <span className="expiry">Refreshing …</span>;
  if (expiresAt === null) return null;
  const seconds = Math.floor((expiresAt - now) / 1_000);
  if (seconds > 0) {
    return (
      <span className="expiry" role="timer" aria-live="off" aria-label="Access token expires in">
        <span className="label">Token expires in </span>
        {clock(seconds)}
      </span>
    );
  }
  const next = canRefresh ? 'the next request refreshes it' : 'log in again';
  return (
    <span className="expiry">
      Token expired<span className="label">: {next}</span>
    </span>
  );
}

function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, []);
  return now;
}

function announcement({ status, user, note }: Snapshot): string {
  if (note) return NOTES[note];
  if (status === 'signedIn') return `Signed in as ${nameOf(user)}.`;
  return status === 'signedOut' ? 'Not signed in.' : '';
}

function nameOf(user: Person | null): string {
  const name = [user?.firstName, user?.lastName].filter(Boolean).join(' ');
  return name || user?.email || 'Signed in';
}
