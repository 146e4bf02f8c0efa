import { useQuery } from '@apollo/client/react';
import type { ReactNode } from 'react';
import type { Features } from '../../../shared/features';
import { Loading } from '../../../shared/Loading';
import { ErrorNotice } from '../../../shared/Notice';
import { graphql } from '../__generated__';

const FEATURES = graphql(`
  query Features {
    features {
      mail
      passwordMinLength
      registration
      signInLinks
    }
  }
`);

/** For pages that depend on what the server offers. */
export function WithFeatures({ children }: { children: (features: Features) => ReactNode }) {
  const { data, error, refetch } = useQuery(FEATURES);
  if (data) return children(data.features);
  return error ? <ErrorNotice error={error} onRetry={refetch} /> : <Loading />;
}
