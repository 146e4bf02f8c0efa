import { useMutation } from '@apollo/client/react';
import { PasswordForm } from '../../../shared/SettingsForms';
import { signIn } from '../../../shared/session';
import { graphql } from '../__generated__';

const CHANGE_PASSWORD = graphql(`
  mutation ChangePassword($input: ChangePasswordInput!) {
    changePassword(input: $input) {
      token
      user {
        id
      }
    }
  }
`);

export function ChangePassword({ minLength }: { minLength: number }) {
  const [change, { data, error, loading }] = useMutation(CHANGE_PASSWORD, {
    onCompleted: ({ changePassword }) => signIn(changePassword),
  });
  return (
    <PasswordForm
      error={error}
      isBusy={loading}
      isDone={data != null}
      minLength={minLength}
      onSubmit={(input) => void change({ variables: { input } })}
    />
  );
}
