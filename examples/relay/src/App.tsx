import { type ReactNode, useState } from 'react';
import { RelayEnvironmentProvider } from 'react-relay/hooks';
import { Loading } from '../../shared/Loading';
import { Notice } from '../../shared/Notice';
import { start, useSession } from '../../shared/session';
import { createEnvironment } from './environment';
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
        <Relay key="signed out">
          <SignedOut hasEnded={session.hasEnded} />
        </Relay>
      )}
      {session.status === 'signedIn' && (
        <Relay key={session.userId}>
          <HomePage />
        </Relay>
      )}
    </main>
  );
}

/** One store for each user, so that no user sees another user's data. */
function Relay({ children }: { children: ReactNode }) {
  const [environment] = useState(createEnvironment);
  return <RelayEnvironmentProvider environment={environment}>{children}</RelayEnvironmentProvider>;
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
