import { type ReactNode, Suspense, useState } from 'react';
import { graphql, useLazyLoadQuery } from 'react-relay/hooks';
import type { Features } from '../../../shared/features';
import { Loading } from '../../../shared/Loading';
import type { WithFeaturesQuery } from './__generated__/WithFeaturesQuery.graphql';
import { ErrorBoundary } from './ErrorBoundary';

const FEATURES = graphql`
  query WithFeaturesQuery {
    features {
      mail
      passwordMinLength
      registration
      signInLinks
    }
  }
`;

interface WithFeaturesProps {
  children: (features: Features) => ReactNode;
}

/** For pages that depend on what the server offers. */
export function WithFeatures({ children }: WithFeaturesProps) {
  const [attempt, setAttempt] = useState(0);
  return (
    <ErrorBoundary key={attempt} onRetry={() => setAttempt(attempt + 1)}>
      <Suspense fallback={<Loading />}>
        <Loaded attempt={attempt}>{children}</Loaded>
      </Suspense>
    </ErrorBoundary>
  );
}

function Loaded({ attempt, children }: WithFeaturesProps & { attempt: number }) {
  const query = useLazyLoadQuery<WithFeaturesQuery>(FEATURES, {}, { fetchKey: attempt });
  return children(query.features);
}
