//! Putting people out, and what the room is.

use alloc::string::String;
use alloc::vec;

use super::super::{Ban, Block, Context, Denied, Departed, Event, LeaveReason, Room, Seat, Setting};
use super::{Actor, Decision, allowed};
use crate::ids::{AddressPrefix, MemberId, UserId};
use crate::limits::{BANS_MAX, REENTRY_BLOCK_MS};
use crate::names;
use crate::permissions::{Action, may_act_on};

impl Room {
    pub(super) fn kick(&self, actor: Actor<'_>, target: MemberId, context: &Context) -> Decision {
        let seat = self.allowed_on(actor, Action::Kick, target)?;
        let block =
            Block { user: seat.user, address: blocked(seat.address, context), until_ms: context.now_ms + REENTRY_BLOCK_MS };
        let mut events = self.leave(target, LeaveReason::Kicked, context)?;
        events.push(Event::Blocked(block));
        Ok(events)
    }

    pub(super) fn ban(&self, actor: Actor<'_>, target: MemberId, context: &Context) -> Decision {
        let seat = self.allowed_on(actor, Action::Ban, target)?;
        self.ban_seated(target, seat, context)
    }

    pub(super) fn ban_seated(&self, target: MemberId, seat: &Seat, context: &Context) -> Decision {
        let ban = self.new_ban(seat.user, &seat.name, seat.address, context)?;
        let mut events = self.leave(target, LeaveReason::Banned, context)?;
        events.push(ban);
        Ok(events)
    }

    pub(super) fn ban_departed(&self, actor: Actor<'_>, user: UserId, context: &Context) -> Decision {
        allowed(actor, Action::Ban)?;
        let departed = self.departed().find(|departed| departed.user == user).ok_or(Denied::NoSuchPerson)?;
        if !may_act_on(actor.seat.role, Action::Ban, departed.role) {
            return Err(Denied::NotPermitted);
        }
        self.ban_gone(departed, context)
    }

    pub(super) fn ban_gone(&self, departed: &Departed, context: &Context) -> Decision {
        if self.bans.iter().any(|ban| ban.user == departed.user) {
            return Ok(vec![]);
        }
        Ok(vec![self.new_ban(departed.user, &departed.name, departed.address, context)?])
    }

    fn new_ban(&self, user: UserId, name: &str, address: AddressPrefix, context: &Context) -> Result<Event, Denied> {
        if self.ban_count() >= BANS_MAX {
            return Err(Denied::TooManyBans);
        }
        let address = blocked(address, context);
        Ok(Event::Banned(Ban { user, name: name.into(), address, at_ms: context.date_ms() }))
    }

    pub(super) fn unban(&self, actor: Actor<'_>, user: UserId, context: &Context) -> Decision {
        allowed(actor, Action::Unban)?;
        self.lift_ban(user, context)
    }

    pub(super) fn lift_ban(&self, user: UserId, context: &Context) -> Decision {
        if self.bans.iter().any(|ban| ban.user == user) {
            return Ok(vec![Event::Unbanned(user)]);
        }
        let erased = self.erased_ban_of(user, context).ok_or(Denied::NoSuchPerson)?;
        Ok(vec![Event::Unbanned(erased.handle())])
    }

    pub(super) fn set(&self, actor: Actor<'_>, setting: &Setting) -> Decision {
        allowed(actor, setting.action())?;
        let setting = match setting {
            Setting::Title(title) => Setting::Title(names::title(title).map_err(Denied::InvalidTitle)?),
            Setting::Topic(topic) => Setting::Topic(names::topic(topic).map_err(Denied::InvalidTopic)?),
            // Whoever guesses the id of an unlisted room is in it.
            Setting::Unlisted(true) if !self.id.is_unguessable() => return Err(Denied::UnlistedIdChosen),
            other => other.clone(),
        };
        let mut settings = self.settings.clone();
        settings.set(&setting);
        Ok(if settings == self.settings { vec![] } else { vec![Event::SettingChanged { setting, by: actor.seat.user }] })
    }

    pub(super) fn set_passcode(&self, actor: Actor<'_>, passcode: Option<&str>) -> Decision {
        allowed(actor, Action::SetPasscode)?;
        let passcode: Option<String> = passcode.map(names::passcode).transpose().map_err(Denied::InvalidPasscode)?;
        Ok(if passcode == self.passcode { vec![] } else { vec![Event::PasscodeSet(passcode)] })
    }
}

fn blocked(address: AddressPrefix, context: &Context) -> Option<AddressPrefix> {
    context.blocks_addresses.then_some(address)
}
