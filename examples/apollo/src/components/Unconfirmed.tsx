import { useMutation } from '@apollo/client/react';
import { UnconfirmedNotice } from '../../../shared/UnconfirmedNotice';
import { graphql } from '../__generated__';

const REQUEST_EMAIL_CONFIRMATION = graphql(`
  mutation RequestEmailConfirmation {
    requestEmailConfirmation {
      email
    }
  }
`);

export function Unconfirmed() {
  const [request, { data, error, loading }] = useMutation(REQUEST_EMAIL_CONFIRMATION);
  return (
    <UnconfirmedNotice
      error={error}
      isBusy={loading}
      onSend={() => void request()}
      sentTo={data?.requestEmailConfirmation.email}
    />
  );
}
