import { ApolloProvider } from '@apollo/client/react';
import { type ReactNode, useState } from 'react';
import { createClient } from './client';
import { Loading } from './components/Loading';
import { Notice } from './components/Notice';
import { HomePage } from './pages/HomePage';
import { LoginPage } from './pages/LoginPage';
import { RegisterPage } from './pages/RegisterPage';
import { start, useSession } from './session';

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

/** Each user has a client of their own, so that nobody sees what is cached for another one. */
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
