import { Suspense, useState } from 'react';
import { graphql, useLazyLoadQuery } from 'react-relay/hooks';
import { Loading } from '../../../shared/Loading';
import { Account } from '../components/Account';
import { ErrorBoundary } from '../components/ErrorBoundary';
import { Sessions } from '../components/Sessions';
import { Welcome } from '../components/Welcome';
import type { HomePageQuery } from './__generated__/HomePageQuery.graphql';

const HOME = graphql`
  query HomePageQuery {
    viewer {
      ...Account_viewer
      ...Sessions_user
    }
    ...Welcome_query
  }
`;

export function HomePage() {
  const [attempt, setAttempt] = useState(0);
  return (
    <ErrorBoundary key={attempt} onRetry={() => setAttempt(attempt + 1)}>
      <title>Home</title>
      <Suspense fallback={<Loading />}>
        <Home attempt={attempt} />
      </Suspense>
    </ErrorBoundary>
  );
}

function Home({ attempt }: { attempt: number }) {
  const query = useLazyLoadQuery<HomePageQuery>(HOME, {}, { fetchKey: attempt });
  // The session has ended; the login form replaces this page.
  if (!query.viewer) return null;
  return (
    <>
      <Account viewer={query.viewer} />
      <Welcome query={query} />
      <Sessions user={query.viewer} />
    </>
  );
}
