import { Suspense, useState } from 'react';
import { graphql, useLazyLoadQuery } from 'react-relay/hooks';
import { Loading } from '../../../shared/Loading';
import { Account } from '../components/Account';
import { ErrorBoundary } from '../components/ErrorBoundary';
import { Sessions } from '../components/Sessions';
import { Settings } from '../components/Settings';
import { Welcome } from '../components/Welcome';
import type { HomePageQuery } from './__generated__/HomePageQuery.graphql';

const HOME = graphql`
  query HomePageQuery {
    viewer {
      ...Account_viewer
      ...Sessions_user
      ...Settings_user
    }
    features {
      ...Settings_features
      mail
    }
    ...Welcome_query
  }
`;

interface HomePageProps {
  onForgotPassword: () => void;
}

export function HomePage(props: HomePageProps) {
  const [attempt, setAttempt] = useState(0);
  return (
    <ErrorBoundary key={attempt} onRetry={() => setAttempt(attempt + 1)}>
      <title>Home</title>
      <Suspense fallback={<Loading />}>
        <Home {...props} attempt={attempt} />
      </Suspense>
    </ErrorBoundary>
  );
}

function Home({ attempt, onForgotPassword }: HomePageProps & { attempt: number }) {
  const query = useLazyLoadQuery<HomePageQuery>(HOME, {}, { fetchKey: attempt });
  // The session has ended; the login form replaces this page.
  if (!query.viewer) return null;
  return (
    <>
      <Account hasMail={query.features.mail} viewer={query.viewer} />
      <Welcome query={query} />
      <Sessions user={query.viewer} />
      <Settings features={query.features} onForgotPassword={onForgotPassword} user={query.viewer} />
    </>
  );
}
