import type { ReactNode } from 'react';
import { Disclosure } from './Disclosure';
import { Section } from './Section';

interface SettingsSectionProps {
  changeEmail: ReactNode;
  changeName: ReactNode;
  changePassword: ReactNode;
  deleteAccount: ReactNode;
  hasMail: boolean;
  hasPassword: boolean;
  onForgotPassword: () => void;
}

export function SettingsSection({
  changeEmail,
  changeName,
  changePassword,
  deleteAccount,
  hasMail,
  hasPassword,
  onForgotPassword,
}: SettingsSectionProps) {
  return (
    <Section title="Settings">
      <Disclosure title="Change your name">{changeName}</Disclosure>
      {hasMail && hasPassword && (
        <Disclosure title="Change your e-mail address">{changeEmail}</Disclosure>
      )}
      {hasPassword && <Disclosure title="Change your password">{changePassword}</Disclosure>}
      {hasPassword && <Disclosure title="Delete your account">{deleteAccount}</Disclosure>}
      {hasMail && !hasPassword && (
        <p>
          You have no password. To change your e-mail address or delete your account,{' '}
          <button type="button" className="link" onClick={onForgotPassword}>
            set one by a link
          </button>
          .
        </p>
      )}
    </Section>
  );
}
