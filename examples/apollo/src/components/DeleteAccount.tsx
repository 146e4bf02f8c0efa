import { useMutation } from '@apollo/client/react';
import { DeletionForm } from '../../../shared/SettingsForms';
import { signOut } from '../../../shared/session';
import { graphql } from '../__generated__';

const DELETE_ACCOUNT = graphql(`
  mutation DeleteAccount($input: DeleteAccountInput!) {
    deleteAccount(input: $input) {
      deletedUserId
    }
  }
`);

export function DeleteAccount() {
  // The cache of the user goes with its client.
  const [remove, { error, loading }] = useMutation(DELETE_ACCOUNT, {
    onCompleted: () => signOut('Your account is deleted.'),
  });
  return (
    <DeletionForm
      error={error}
      isBusy={loading}
      onSubmit={(input) => void remove({ variables: { input } })}
    />
  );
}
