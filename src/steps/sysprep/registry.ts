// All operations of the step sysprep, in the order in which they run.

import { PACKAGE_MANAGER_CACHE } from './caches/package-manager-cache.ts';
import { PASSWD_BACKUPS } from './caches/passwd-backups.ts';
import { RPM_DB } from './caches/rpm-db.ts';
import { TMP_FILES } from './caches/tmp-files.ts';
import { BLKID_TAB } from './identity/blkid-tab.ts';
import { FLAG_RECONFIGURATION } from './identity/flag-reconfiguration.ts';
import { ISCSI_INITIATORNAME } from './identity/iscsi-initiatorname.ts';
import { LVM_SYSTEM_DEVICES } from './identity/lvm-system-devices.ts';
import { MACHINE_ID } from './identity/machine-id.ts';
import { NM_SECRETS } from './identity/nm-secrets.ts';
import { NVME_HOST } from './identity/nvme-host.ts';
import { RANDOM_SEED } from './identity/random-seed.ts';
import { SNAKEOIL } from './identity/snakeoil.ts';
import { SSH_HOSTKEYS } from './identity/ssh-hostkeys.ts';
import { SYSTEMD_SECRETS } from './identity/systemd-secrets.ts';
import { UDEV_PERSISTENT_NET } from './identity/udev-persistent-net.ts';
import { ABRT_DATA } from './logs/abrt-data.ts';
import { BACKUP_FILES } from './logs/backup-files.ts';
import { BASH_HISTORY } from './logs/bash-history.ts';
import { CRASH_DATA } from './logs/crash-data.ts';
import { CRON_SPOOL } from './logs/cron-spool.ts';
import { LOGFILES } from './logs/logfiles.ts';
import { MAIL_SPOOL } from './logs/mail-spool.ts';
import { PACCT_LOG } from './logs/pacct-log.ts';
import { UTMP } from './logs/utmp.ts';
import { ZSH_HISTORY } from './logs/zsh-history.ts';
import { CLOUD_INIT } from './network/cloud-init.ts';
import { DHCP_CLIENT_STATE } from './network/dhcp-client-state.ts';
import { DHCP_SERVER_STATE } from './network/dhcp-server-state.ts';
import { FIREWALL_RULES } from './network/firewall-rules.ts';
import { NET_HOSTNAME } from './network/net-hostname.ts';
import { NET_HWADDR } from './network/net-hwaddr.ts';
import { NET_NMCONN } from './network/net-nmconn.ts';
import type { Operation } from './operation.ts';
import { DOVECOT_DATA } from './services/dovecot-data.ts';
import { IPA_CLIENT } from './services/ipa-client.ts';
import { KERBEROS_DATA } from './services/kerberos-data.ts';
import { KERBEROS_HOSTKEYTAB } from './services/kerberos-hostkeytab.ts';
import { PAM_DATA } from './services/pam-data.ts';
import { PUPPET_DATA_LOG } from './services/puppet-data-log.ts';
import { RH_SUBSCRIPTION_MANAGER } from './services/rh-subscription-manager.ts';
import { RHN_SYSTEMID } from './services/rhn-systemid.ts';
import { SAMBA_DB_LOG } from './services/samba-db-log.ts';
import { SMOLT_UUID } from './services/smolt-uuid.ts';
import { SSSD_DB_LOG } from './services/sssd-db-log.ts';
import { YUM_UUID } from './services/yum-uuid.ts';
import { SSH_USERDIR } from './users/ssh-userdir.ts';
import { USER_ACCOUNT } from './users/user-account.ts';

/** machine-id is last, so that nothing makes another one. */
export const OPERATIONS: readonly Operation[] = [
  SSH_HOSTKEYS,
  RANDOM_SEED,
  SYSTEMD_SECRETS,
  NM_SECRETS,
  ISCSI_INITIATORNAME,
  NVME_HOST,
  SNAKEOIL,
  LVM_SYSTEM_DEVICES,
  UDEV_PERSISTENT_NET,
  BLKID_TAB,
  FLAG_RECONFIGURATION,
  DHCP_CLIENT_STATE,
  DHCP_SERVER_STATE,
  NET_HOSTNAME,
  NET_HWADDR,
  NET_NMCONN,
  CLOUD_INIT,
  FIREWALL_RULES,
  LOGFILES,
  UTMP,
  PACCT_LOG,
  CRASH_DATA,
  ABRT_DATA,
  BASH_HISTORY,
  ZSH_HISTORY,
  MAIL_SPOOL,
  CRON_SPOOL,
  BACKUP_FILES,
  PACKAGE_MANAGER_CACHE,
  TMP_FILES,
  RPM_DB,
  PASSWD_BACKUPS,
  DOVECOT_DATA,
  SAMBA_DB_LOG,
  SSSD_DB_LOG,
  PUPPET_DATA_LOG,
  IPA_CLIENT,
  KERBEROS_HOSTKEYTAB,
  KERBEROS_DATA,
  PAM_DATA,
  RH_SUBSCRIPTION_MANAGER,
  RHN_SYSTEMID,
  YUM_UUID,
  SMOLT_UUID,
  SSH_USERDIR,
  USER_ACCOUNT,
  MACHINE_ID,
];
