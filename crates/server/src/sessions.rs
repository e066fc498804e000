//! Which dialogue is spoken on which port.

use crate::configuration::{Configuration, Service};
use engine::Engine;
use engine::dialogue::Dialogue;
use std::sync::Arc;

/// Makes the sessions of all services.
pub struct Sessions {
    engine: Engine,
    smtp: Vec<(Service, Arc<smtp::Service>)>,
    pop3: Arc<pop3::Service>,
    managesieve: Arc<managesieve::Service>,
}

impl Sessions {
    /// Prepares what the sessions of each service share.
    pub fn new(engine: &Engine, configuration: &Configuration) -> Self {
        let examination = &configuration.examination;
        let examining = match (configuration.examines(), examination.loopback) {
            (false, _) => smtp::Examining::Nobody,
            (true, false) => smtp::Examining::Remote,
            (true, true) => smtp::Examining::Everyone,
        };
        let smtp_limits = smtp::Limits {
            recipients_max: configuration.limits.recipients,
            ..smtp::Limits::default()
        };
        let milters = &configuration.spam.milter;
        let hears_users = milters.iter().any(|milter| milter.submissions);
        let service = |role: smtp::Role| {
            let is_heard = !milters.is_empty() && (hears_users || !role.is_submission());
            Arc::new(smtp::Service {
                engine: engine.clone(),
                role,
                limits: smtp_limits,
                examining: match configuration.spam.clamav {
                    None if role.is_submission() && !hears_users => smtp::Examining::Nobody,
                    _ => examining,
                },
                followed: if is_heard {
                    smtp::Followed::Yes
                } else {
                    smtp::Followed::No
                },
            })
        };
        let pop3 = pop3::Service {
            engine: engine.clone(),
            limits: pop3::Limits::default(),
            readers: pop3::Readers::default(),
        };
        let managesieve = managesieve::Service {
            engine: engine.clone(),
            limits: managesieve::Limits::default(),
        };
        Self {
            engine: engine.clone(),
            pop3: Arc::new(pop3),
            managesieve: Arc::new(managesieve),
            smtp: vec![
                (Service::Smtp, service(smtp::Role::Relay)),
                (Service::Submission, service(smtp::Role::Submission)),
                (Service::Submissions, service(smtp::Role::Submissions)),
                (Service::Lmtp, service(smtp::Role::Lmtp)),
                (Service::Local, service(smtp::Role::Local)),
            ],
        }
    }

    /// A session for a connection to come; `None` where no dialogue is spoken.
    pub fn session(&self, service: Service) -> Option<Box<dyn Dialogue>> {
        match service {
            Service::Smtp
            | Service::Submission
            | Service::Submissions
            | Service::Lmtp
            | Service::Local => {
                let (_, shared) = self.smtp.iter().find(|(of, _)| *of == service)?;
                Some(Box::new(smtp::Session::new(Arc::clone(shared))))
            }
            Service::Pop3 | Service::Pop3s => {
                Some(Box::new(pop3::Session::new(Arc::clone(&self.pop3))))
            }
            Service::Imap | Service::Imaps => {
                Some(Box::new(imap::Session::new(self.engine.clone())))
            }
            Service::Managesieve => {
                let shared = Arc::clone(&self.managesieve);
                Some(Box::new(managesieve::Session::new(shared)))
            }
            Service::Https | Service::Metrics => None,
        }
    }
}
