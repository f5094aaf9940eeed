//! Endpoints of ZIA and CBC whose limits are not those of their method's weight: what Zscaler's two pages "API Rate Limit Summary"
//! list, each endpoint and method with its own count. Left out is what depends on a licence (`/apps`, `/posture`).

use super::{Bounds, DAY, HOUR, MINUTE, SECOND};
use http::Method;
use scanyard_contract::Service;

/// What Zscaler calls the weights.
pub(super) const LIGHT: Bounds = &[(2, SECOND), (1000, HOUR)];
pub(super) const MEDIUM: Bounds = &[(1, SECOND), (400, HOUR)];
pub(super) const HEAVY: Bounds = &[(1, MINUTE), (4, HOUR)];
/// What is made on demand, and activation.
const DEAR: Bounds = &[(10, MINUTE), (40, HOUR)];
const HOURLY: Bounds = &[(1, HOUR), (8, DAY)];
const QUICK: Bounds = &[(5, SECOND), (3000, HOUR)];
const QUICKEST: Bounds = &[(20, SECOND), (10_000, HOUR)];

/// Endpoints with one limit each.
struct Group {
    service: Service,
    method: Method,
    bounds: Bounds,
    /// Below `/api/v1/`; `{}` is any one segment, `{?}` one or none.
    paths: &'static [&'static str],
}

const fn zia(method: Method, bounds: Bounds, paths: &'static [&'static str]) -> Group {
    Group { service: Service::Zia, method, bounds, paths }
}

const fn cbc(method: Method, bounds: Bounds, paths: &'static [&'static str]) -> Group {
    Group { service: Service::Cbc, method, bounds, paths }
}

/// An endpoint that has its own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Endpoint {
    group: usize,
    path: usize,
}

impl Endpoint {
    /// The endpoint of a call, if it is listed: of several that fit, the one that names most of the path.
    pub(super) fn of(service: Service, method: &Method, path: &str) -> Option<Endpoint> {
        let (_, path) = path.trim_end_matches('/').split_once("/api/v1/")?;
        let groups = GROUPS.iter().enumerate().filter(|(_, group)| group.service == service && group.method == *method);
        let fitting = groups.flat_map(|(group, Group { paths, .. })| {
            let paths = paths.iter().enumerate().filter(|(_, pattern)| fits(pattern, path));
            paths.map(move |(path, pattern)| (pattern.matches('{').count(), Endpoint { group, path }))
        });
        fitting.min_by_key(|(open, _)| *open).map(|(_, endpoint)| endpoint)
    }

    pub(super) fn bounds(self) -> Bounds {
        GROUPS[self.group].bounds
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let mut path = path.split('/');
    for part in pattern.split('/') {
        match (part, path.next()) {
            ("{?}", None) => {}
            ("{}" | "{?}", Some(segment)) if !segment.is_empty() => {}
            (part, Some(segment)) if part == segment => {}
            (_, _) => return false,
        }
    }
    path.next().is_none()
}

#[rustfmt::skip]
static GROUPS: &[Group] = &[
    zia(Method::DELETE, LIGHT, &["auditlogEntryReport", "authenticatedSession", "eventlogEntryReport"]),
    zia(Method::DELETE, MEDIUM, &[
        "adminRoles/{}", "adminUsers/{}", "bandwidthClasses/{}", "bandwidthControlRules/{}", "casbDlpRules/{}",
        "casbMalwareRules/{}", "cloudApplicationInstances/{}", "customFileTypes/{}", "dcExclusions/{?}", "departments/{}",
        "dlpDictionaries/{}", "dlpEngines/{}", "dlpNotificationTemplates/{}", "dnatRules/{}", "dnsGateways/{}",
        "fileTypeRules/{}", "firewallDnsRules/{}", "firewallFilteringRules/{}", "firewallIpsRules/{}", "forwardingRules/{}",
        "greTunnels/{}", "groups/{}", "ipDestinationGroups/{}", "ipSourceGroups/{}", "locations/{}",
        "networkApplicationGroups/{}", "networkServiceGroups/{}", "networkServices/{}", "nssFeeds/{}", "nssServers/{}",
        "riskProfiles/{}", "ruleLabels/{}", "sandboxRules/{}", "sslInspectionRules/{}", "sslSettings/certchain",
        "staticIP/{}", "tenancyRestrictionProfile/{}", "timeIntervals/{}", "trafficCaptureRules/{}", "urlCategories/{}",
        "urlFilteringRules/{}", "users/{}", "virtualZenClusters/{}", "virtualZenNodes/{}", "vpnCredentials/{}",
        "webDlpRules/{}", "zpaGateways/{}",
    ]),
    zia(Method::DELETE, DEAR, &["extranet/{}", "webApplicationRules/{}/{}", "workloadGroups/{}"]),
    // The first two would else be taken for an id of what follows.
    zia(Method::GET, LIGHT, &["dnsGateways/lite", "sandbox/report/quota"]),
    zia(Method::GET, MEDIUM, &[
        "alertSubscriptions/{?}", "bandwidthControlRules/{?}", "casbDlpRules/{?}", "casbMalwareRules/{?}", "customFileTypes",
        "dcExclusions", "dnatRules/{?}", "dnsGateways/{?}", "extranet/{?}", "fileTypeCategories", "groups",
        "passwordExpiry/settings", "security/advanced", "subclouds", "subclouds/isLastDcInCountry/{}", "timeIntervals/{?}",
        "virtualZenClusters/{?}", "virtualZenNodes/{?}", "webApplicationRules/{}/{?}",
    ]),
    zia(Method::GET, DEAR, &["users"]),
    zia(Method::GET, HEAVY, &["iotDiscovery/deviceList"]),
    zia(Method::GET, HOURLY, &["configAudit", "configAudit/ipVisibility", "configAudit/pacFile"]),
    zia(Method::GET, &[(2, SECOND), (1000, HOUR), (1000, DAY)], &["sandbox/report/{}"]),
    zia(Method::GET, &[(5, SECOND)], &["cloudToCloudIR"]),
    zia(Method::GET, &[(2, SECOND)], &["cloudToCloudIR/{}", "cloudToCloudIR/config/{}/validateDelete"]),
    zia(Method::GET, QUICK, &["locations/supportedCountries"]),
    zia(Method::GET, &[(20, SECOND), (1000, HOUR)], &["riskProfiles/lite"]),
    zia(Method::GET, QUICKEST, &["domainProfiles/lite"]),
    zia(Method::POST, LIGHT, &["authenticatedSession", "eventlogEntryReport", "users"]),
    zia(Method::POST, DEAR, &[
        "auditlogEntryReport", "extranet", "riskProfiles", "shadowIT/applications/{}/exportCsv", "status/activate",
        "urlCategories/review/domains", "webApplicationRules/{}", "webApplicationRules/{}/availableActions",
        "webApplicationRules/{}/duplicate/{}",
    ]),
    zia(Method::POST, HEAVY, &[
        "intermediateCaCertificate/KeyPair/{}", "intermediateCaCertificate/finalizeCert/{}",
        "intermediateCaCertificate/generateCsr/{}", "intermediateCaCertificate/uploadcert/{}",
        "intermediateCaCertificate/uploadcertchain/{}", "intermediateCaCertificate/verifyKeyAttestation/{}",
        "locations/bulkDelete", "shadowIT/applications/export", "sslSettings/uploadcert/text",
        "sslSettings/uploadcertchain/text", "users/bulkDelete", "vpnCredentials/bulkDelete",
    ]),
    zia(Method::POST, HOURLY, &["sslSettings/generatecsr"]),
    zia(Method::PUT, LIGHT, &["users/{}"]),
    zia(Method::PUT, DEAR, &["extranet/{}", "riskProfiles/{}", "urlCategories/review/domains", "webApplicationRules/{}/{}"]),
    zia(Method::PUT, HEAVY, &["cloudApplications/bulkUpdate"]),
    cbc(Method::DELETE, MEDIUM, &[
        "accountGroups/{?}", "adminRoles/{?}", "adminUsers/{?}", "ecRules/ecRdr/{?}", "ecVm/uuid/{}", "ecVm/{?}",
        "ecgroup/{?}", "gateways/{?}", "ipDestinationGroups/{?}", "ipGroups/{?}", "ipSourceGroups/{?}",
        "location/{?}", "locationTemplate/{?}", "provUrl/{?}", "publicCloudAccountDetails/{?}",
        "publicCloudAccountIdStatus/{?}", "publicCloudInfo/{?}",
    ]),
    cbc(Method::DELETE, QUICK, &["intf/{?}", "route/{?}"]),
    cbc(Method::GET, QUICK, &[
        "accountGroups/{?}", "ecRules/ecRdr/{?}", "ecVm/uuid/{}", "ecVm/{?}", "ecgroup/{?}", "gateways/{?}", "intf/{?}",
        "ipDestinationGroups/{?}", "ipGroups/{?}", "ipSourceGroups/{?}", "location/{?}", "networkServiceGroups/{?}",
        "networkServices/{?}", "provUrl/{?}", "publicCloudInfo/{?}", "route/{?}", "workloadGroups/lite",
        "zpaResources/applicationSegments",
    ]),
    cbc(Method::GET, &[(10, SECOND), (5000, HOUR)], &["ecAdminActivateStatus"]),
    cbc(Method::GET, QUICKEST, &[
        "ccaTemplate", "ccaTemplate/bootupConfig", "publicCloudAccountDetails/{?}", "publicCloudAccountIdStatus/{?}",
    ]),
    cbc(Method::POST, DEAR, &["ecCsr"]),
    cbc(Method::POST, QUICK, &["ecgroup", "ecgroup/lite", "intf", "publicCloudInfo/{}", "route"]),
    cbc(Method::POST, QUICKEST, &["ccaCsr/signCert/{}"]),
    cbc(Method::PUT, QUICK, &["intf/{?}", "route/{?}"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(service: Service, method: Method, path: &str) -> Option<Bounds> {
        Endpoint::of(service, &method, path).map(Endpoint::bounds)
    }

    #[test]
    fn an_endpoint_is_found_by_its_method_and_most_of_its_path() {
        let zia = |method, path| bounds(Service::Zia, method, path);
        assert_eq!(zia(Method::DELETE, "/zia/api/v1/ruleLabels/7"), Some(MEDIUM));
        assert_eq!(zia(Method::POST, "/zia/api/v1/users/bulkDelete"), Some(HEAVY));
        assert_eq!(zia(Method::POST, "/api/v1/status/activate/"), Some(DEAR));
        assert_eq!(zia(Method::GET, "/zia/api/v1/dnsGateways/lite"), Some(LIGHT));
        assert_eq!(zia(Method::GET, "/zia/api/v1/dnsGateways/7"), Some(MEDIUM));
        assert_eq!(zia(Method::GET, "/zia/api/v1/sandbox/report/quota"), Some(LIGHT));
        assert_eq!(zia(Method::GET, "/zia/api/v1/webApplicationRules/WEBMAIL/7"), Some(MEDIUM));
        assert_eq!(zia(Method::GET, "/zia/api/v1/users"), Some(DEAR));
        for (method, path) in [
            (Method::GET, "/zia/api/v1/users/7"),
            (Method::DELETE, "/zia/api/v1/pacFiles/7"),
            (Method::DELETE, "/zia/api/v1/ruleLabels"),
            (Method::DELETE, "/zia/api/v1/ruleLabels/7/8"),
            (Method::DELETE, "/zia/api/v1/"),
            (Method::POST, "/zia/api/v1/xusers/bulkDelete"),
            (Method::GET, "/users"),
        ] {
            assert_eq!(zia(method, path), None, "{path}");
        }
        assert_eq!(bounds(Service::Cbc, Method::DELETE, "/ztw/api/v1/ecgroup/7"), Some(MEDIUM));
        assert_eq!(bounds(Service::Cbc, Method::GET, "/ztw/api/v1/ecgroup"), Some(QUICK));
        assert_eq!(bounds(Service::Zpa, Method::DELETE, "/api/v1/ruleLabels/7"), None);
    }

    #[test]
    fn no_endpoint_is_listed_twice() {
        let mut all: Vec<_> = GROUPS
            .iter()
            .flat_map(|group| group.paths.iter().map(|path| (group.service, group.method.clone(), *path)))
            .collect();
        let count = all.len();
        all.sort_by_key(|one| format!("{one:?}"));
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
