import { graphql } from 'react-relay/hooks';
import { DeletionForm } from '../../../shared/SettingsForms';
import { signOut } from '../../../shared/session';
import type { DeleteAccountMutation } from './__generated__/DeleteAccountMutation.graphql';
import { useAction } from './useAction';

const DELETE_ACCOUNT = graphql`
  mutation DeleteAccountMutation($input: DeleteAccountInput!) {
    deleteAccount(input: $input) {
      deletedUserId
    }
  }
`;

export function DeleteAccount() {
  // The store of the user goes with its environment.
  const { error, isBusy, send } = useAction<DeleteAccountMutation>(DELETE_ACCOUNT, () =>
    signOut('Your account is deleted.'),
  );
  return <DeletionForm error={error} isBusy={isBusy} onSubmit={(input) => send({ input })} />;
}
