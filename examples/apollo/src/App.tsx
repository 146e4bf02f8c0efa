import { ApolloProvider } from '@apollo/client/react';
import { type ReactNode, useState } from 'react';
import { Loading } from '../../shared/Loading';
import { Notice } from '../../shared/Notice';
import { start, useSession } from '../../shared/session';
import { createClient } from './client';
import { HomePage } from './pages/HomePage';
import { LoginPage } from './pages/LoginPage';
import { RegisterPage } from './pages/RegisterPage';

export function App() {
  const session = useSession();
  return (
    <main>
      {session.status === 'starting' && <Loading />}
      {session.status === 'unreachable' && <Unreachable />}
      {session.status === 'signedOut' && (
        <Client key="signed out">
          <SignedOut hasEnded={session.hasEnded} />
        </Client>
      )}
      {session.status === 'signedIn' && (
        <Client key={session.userId}>
          <HomePage />
        </Client>
      )}
    </main>
  );
}

/** One client for each user, so that no user sees another user's cache. */
function Client({ children }: { children: ReactNode }) {
  const [client] = useState(createClient);
  return <ApolloProvider client={client}>{children}</ApolloProvider>;
}

function SignedOut({ hasEnded }: { hasEnded: boolean }) {
  const [isNew, setIsNew] = useState(false);
  return isNew ? (
    <RegisterPage onLogin={() => setIsNew(false)} />
  ) : (
    <LoginPage hasEnded={hasEnded} onRegister={() => setIsNew(true)} />
  );
}

function Unreachable() {
  return (
    <section className="card">
      <title>No answer</title>
      <h1>The server does not answer</h1>
      <Notice onRetry={start}>If you were signed in, you still are.</Notice>
    </section>
  );
}
