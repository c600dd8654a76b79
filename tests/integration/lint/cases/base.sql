-- The schema that every case of cases.txt starts from; needs no extension.
create table p(id bigint primary key, n text);
insert into p select g, 'n'||g from generate_series(1,3000) g;
create table t(
  id bigint primary key, a int, b text, c varchar(20), num numeric(10,2),
  ts timestamp, tz timestamptz, ts3 timestamp(3), j jsonb, js json, pid bigint,
  arr int[], varr varchar(10)[], ip inet, ci cidr, ch char(5), ch1 char,
  tm time(3), ttz timetz(3), iv interval(3), ivd interval day to hour, dt date,
  bt bit varying(8), bf bit(8), u uuid, bo boolean, f4 real, f8 double precision,
  sm smallint, by bytea, x xml, o oid, nn int not null default 1,
  r int4range, mac macaddr, mon money, nm name
);
insert into t(id,a,b,c,num,ts,tz,ts3,j,js,pid,arr,varr,ip,ci,ch,ch1,tm,ttz,iv,ivd,dt,bt,bf,bo,f4,f8,sm,by,o,r)
select g,g,'x'||g,'y'||g,1.5,'2024-01-01','2024-01-01','2024-01-01','{}','{}',g,'{1}','{a}',
  '10.0.0.1','10.0.0.0/8','ab','c','10:00','10:00+00','1 s','1 day','2024-01-01',
  B'1',B'10000000',true,1,1,1,'x',1,int4range(g,g+1)
from generate_series(1,3000) g;
create index t_b on t(b);
create index t_c on t(c);
create type mood as enum('sad','ok');
alter table t add column m mood default 'ok';
create domain dom as int;
create domain dpos as int check (value > 0);
create domain dnn as int not null;
create domain dtext as text;
create domain dvc as varchar(40);
create domain ddom as dpos;
alter table t add column d dom default 3;
alter table t add column dp dpos default 3;
create view v as select id, a from t;
create materialized view mv as select id, a from t;
create unique index mv_id on mv(id);
create sequence sq;
create function f() returns trigger language plpgsql as $$begin return new; end$$;
create function vol() returns int language sql volatile as 'select 1';
create function volr() returns double precision language sql volatile as 'select random()';
create function volarg(i int) returns int language sql volatile as 'select $1 + 1';
create function volpl() returns int language plpgsql volatile as $$begin return 1; end$$;
create function stabpl() returns int language plpgsql stable as $$begin return 1; end$$;
create function voltab() returns bigint language sql volatile as 'select max(id) from p';
create table pt(id bigint, d date, x int) partition by range(d);
create table pt1 partition of pt for values from ('2024-01-01') to ('2025-01-01');
create table pt_def partition of pt default;
insert into pt select g,'2024-05-01',g from generate_series(1,1000) g;
insert into pt select g,'2030-05-01',g from generate_series(1,1000) g;
create table pn(id bigint, d date, x int) partition by range(d);
create table pn1 partition of pn for values from ('2024-01-01') to ('2025-01-01');
insert into pn select g,'2024-05-01',g from generate_series(1,1000) g;
create table pl(k text, x int) partition by list(k);
create table pl1 partition of pl for values in ('a','b');
insert into pl select 'a',g from generate_series(1,1000) g;
create table ph(k int, x int) partition by hash(k);
create table ph0 partition of ph for values with (modulus 2, remainder 0);
insert into ph select 1,g from generate_series(1,1) g where false;
create table ptn(id bigint, d date, x int);
insert into ptn select g,'2025-05-01',g from generate_series(1,1000) g;
create table pln(k text, x int);
insert into pln select 'c',g from generate_series(1,1000) g;
create table par(id bigint, a int);
insert into par select g,g from generate_series(1,1000) g;
create table kid() inherits (par);
insert into kid select g,g from generate_series(1,1000) g;
create table child(id bigint primary key, pid bigint references p(id));
insert into child select g,g from generate_series(1,1000) g;
create table uniq(id bigint not null, k int not null);
insert into uniq select g,g from generate_series(1,1000) g;
create unique index uniq_k on uniq(k);
create table unl(id int);
insert into unl select generate_series(1,1000);
create table e(id bigint, a int, b text);
create table pke(id int primary key, a int);
analyze;
