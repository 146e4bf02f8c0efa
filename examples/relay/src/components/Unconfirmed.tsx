import { graphql } from 'react-relay/hooks';
import { UnconfirmedNotice } from '../../../shared/UnconfirmedNotice';
import type { UnconfirmedMutation } from './__generated__/UnconfirmedMutation.graphql';
import { useAction } from './useAction';

const REQUEST_EMAIL_CONFIRMATION = graphql`
  mutation UnconfirmedMutation {
    requestEmailConfirmation {
      email
    }
  }
`;

export function Unconfirmed() {
  const { data, error, isBusy, send } = useAction<UnconfirmedMutation>(REQUEST_EMAIL_CONFIRMATION);
  return (
    <UnconfirmedNotice
      error={error}
      isBusy={isBusy}
      onSend={() => send({})}
      sentTo={data?.requestEmailConfirmation.email}
    />
  );
}
