import { ApolloProvider } from '@apollo/client/react';
import { type ReactNode, useState } from 'react';
import { Loading } from '../../shared/Loading';
import { closeLink, type Page, REQUEST_PAGES, useLink } from '../../shared/link';
import { Notice } from '../../shared/Notice';
import { start, useSession } from '../../shared/session';
import { createClient } from './client';
import { WithFeatures } from './components/WithFeatures';
import { ForgotPasswordPage } from './pages/ForgotPasswordPage';
import { HomePage } from './pages/HomePage';
import { LinkPage } from './pages/LinkPage';
import { LoginPage } from './pages/LoginPage';
import { RegisterPage } from './pages/RegisterPage';
import { SignInLinkPage } from './pages/SignInLinkPage';

export function App() {
  const session = useSession();
  return (
    <main>
      {session.status === 'starting' && <Loading />}
      {session.status === 'unreachable' && <Unreachable />}
      {session.status === 'signedOut' && (
        <Client key="signed out">
          <Pages isSignedIn={false} notice={session.notice} />
        </Client>
      )}
      {session.status === 'signedIn' && (
        <Client key={session.key}>
          <Pages isSignedIn />
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

function Pages({ isSignedIn, notice }: { isSignedIn: boolean; notice?: string }) {
  const link = useLink();
  const [page, setPage] = useState<Page>('start');
  const close = () => setPage('start');
  // What is under a link begins again.
  if (link && page !== 'start') setPage('start');
  if (!link && isSignedIn && page !== 'forgotPassword') {
    return <HomePage onForgotPassword={() => setPage('forgotPassword')} />;
  }
  return (
    <WithFeatures>
      {(features) => {
        if (link) {
          const onExpired = () => {
            closeLink();
            setPage(REQUEST_PAGES[link.kind]);
          };
          const props = { features, isSignedIn, link, onExpired };
          return <LinkPage key={link.token} {...props} />;
        }
        if (page === 'forgotPassword') return <ForgotPasswordPage onBack={close} />;
        if (page === 'signInLink') return <SignInLinkPage onBack={close} />;
        if (page === 'register') return <RegisterPage features={features} onLogin={close} />;
        return <LoginPage features={features} notice={notice} onPage={setPage} />;
      }}
    </WithFeatures>
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
