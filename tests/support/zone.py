"""The zone of the resolver's tests, in dnsmasq's words."""

ZONE = """
local=/test/
host-record=a.test,127.0.0.1
host-record=b.test,127.0.0.1,::1
host-record=six.test,::1
cname=alias.test,a.test

naptr-record=full.test,10,50,s,SIPS+D2T,,_sips._tcp.full.test
naptr-record=full.test,20,60,s,SIP+D2U,,_sip._udp.full.test
naptr-record=full.test,20,50,s,SIP+D2T,,_sip._tcp.full.test
naptr-record=full.test,5,50,s,SIP+D2S,,_sip._sctp.full.test
naptr-record=full.test,6,50,u,E2U+sip,!^.*$!sip:x@y!
srv-host=_sips._tcp.full.test,a.test,5061,10,0
srv-host=_sip._udp.full.test,b.test,5060,20,60
srv-host=_sip._udp.full.test,a.test,15060,10,40
srv-host=_sip._tcp.full.test,six.test,5062,10,0

srv-host=_sip._tcp.plain.test,a.test,5070,10,0
srv-host=_sip._udp.plain.test,a.test,5071,10,0
host-record=plain.test,127.0.0.1

host-record=bare.test,127.0.0.1,::1

srv-host=_sip._udp.none.test
srv-host=_sip._tcp.none.test
srv-host=_sips._tcp.none.test
host-record=none.test,127.0.0.1

srv-host=_sip._udp.half.test
srv-host=_sip._tcp.half.test,a.test,5060,10,0

srv-host=_sip._udp.aliased.test,alias.test,5060,10,0
srv-host=_sip._udp.dangling.test,gone.test,5060,10,0

srv-host=_sip._udp.weighed.test,a.test,5060,10,60
srv-host=_sip._udp.weighed.test,six.test,5060,10,40
"""
